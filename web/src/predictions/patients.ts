/* Rows of one patient have one tint while the table is grouped by patient (W13). */
import type { Rows } from './rows';

const TINTS = 6;

interface Tints<T extends { id: number; patient?: string }> {
    rows: Rows<T>;
    list: T[] | null;
    of: Map<string, number>;
}

export function patientTints<T extends { id: number; patient?: string }>(rows: Rows<T>): Tints<T> {
    return { rows, list: null, of: new Map() };
}

/** Neighbours in the order of patients have different ones. */
export function groupTint<T extends { id: number; patient?: string }>(tints: Tints<T>, row: number): number {
    const { list } = tints.rows;
    if (tints.list !== list) {
        const names = [...new Set(list.map((one) => one.patient ?? ''))].sort();
        tints.list = list;
        tints.of = new Map(names.map((name, at) => [name, at % TINTS]));
    }
    const patient = list[row]?.patient;
    return patient ? (tints.of.get(patient) ?? -1) : -1;
}
