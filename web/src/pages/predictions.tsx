/* Batch Prediction (REQUIREMENTS W): the table, the form of a new one, the page of one. */
import { route } from '../router';
import { NewPrediction } from '../predictions/new';
import { PredictionDetail } from '../predictions/detail';
import { PredictionsTable } from '../predictions/table';

export function PredictionsPage() {
    const [word] = route.value.parts;
    if (word === undefined) {
        return <PredictionsTable />;
    }
    return word === 'new' ? <NewPrediction /> : <PredictionDetail key={word} run={Number(word)} />;
}
