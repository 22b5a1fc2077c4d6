/*
 * Facts of a series for a side-car: one more walk over the header of its first file, with a table
 * of what BIDS (and dcm2niix) give a name to. Nothing that names a person or a place is in it.
 */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "image/dicom-set.h"
#include "image/dicom-tags.h"
#include "image/dicom-text.h"

enum fact_kind { WORDS, NUMBERS, MS }; /* MS: milliseconds, which BIDS wants as seconds */

static const struct {
    uint32_t tag;
    enum fact_kind kind;
    const char *name;
} wanted[] = {
    {0x00080008, WORDS, "ImageType"},
    {0x00080032, WORDS, "AcquisitionTime"},
    {0x00080060, WORDS, "Modality"},
    {0x00080070, WORDS, "Manufacturer"},
    {0x00081030, WORDS, "StudyDescription"},
    {0x0008103e, WORDS, "SeriesDescription"},
    {0x00081090, WORDS, "ManufacturersModelName"},
    {0x00180015, WORDS, "BodyPartExamined"},
    {0x00180020, WORDS, "ScanningSequence"},
    {0x00180021, WORDS, "SequenceVariant"},
    {0x00180022, WORDS, "ScanOptions"},
    {0x00180023, WORDS, "MRAcquisitionType"},
    {0x00180024, WORDS, "SequenceName"},
    {0x00180050, NUMBERS, "SliceThickness"},
    {0x00180060, NUMBERS, "KVP"},
    {0x00180080, MS, "RepetitionTime"},
    {0x00180081, MS, "EchoTime"},
    {0x00180082, MS, "InversionTime"},
    {0x00180083, NUMBERS, "NumberOfAverages"},
    {0x00180084, NUMBERS, "ImagingFrequency"},
    {0x00180086, NUMBERS, "EchoNumber"},
    {0x00180087, NUMBERS, "MagneticFieldStrength"},
    {0x00180088, NUMBERS, "SpacingBetweenSlices"},
    {0x00180091, NUMBERS, "EchoTrainLength"},
    {0x00180095, NUMBERS, "PixelBandwidth"},
    {0x00181020, WORDS, "SoftwareVersions"},
    {0x00181030, WORDS, "ProtocolName"},
    {0x00181100, NUMBERS, "ReconstructionDiameter"},
    {0x00181120, NUMBERS, "GantryDetectorTilt"},
    {0x00181150, NUMBERS, "ExposureTime"},
    {0x00181151, NUMBERS, "XRayTubeCurrent"},
    {0x00181152, NUMBERS, "XRayExposure"},
    {0x00181210, WORDS, "ConvolutionKernel"},
    {0x00181250, WORDS, "ReceiveCoilName"},
    {0x00181312, WORDS, "InPlanePhaseEncodingDirectionDICOM"},
    {0x00181314, NUMBERS, "FlipAngle"},
    {0x00181316, NUMBERS, "SAR"},
    {0x00185100, WORDS, "PatientPosition"},
    {0x00200011, NUMBERS, "SeriesNumber"},
    {0x00200012, NUMBERS, "AcquisitionNumber"},
    {0x00281054, WORDS, "RescaleType"},
    {0x00541001, WORDS, "Units"},
    {0x00541102, WORDS, "DecayCorrection"},
};
#define WANTED (sizeof wanted / sizeof *wanted)

static void take(const struct tags *t, const struct tag_element *e, const char *charset, size_t i,
                 struct dicom_fact *ret)
{
    struct dicom_fact fact = {.name = wanted[i].name};
    if (wanted[i].kind == WORDS) {
        dicom_words(t->bytes + e->at, e->length, fact.text, sizeof fact.text);
        dicom_text_utf8(charset, fact.text, sizeof fact.text);
    } else {
        fact.n = dicom_numbers(t->bytes + e->at, e->length, fact.numbers,
                               sizeof fact.numbers / sizeof *fact.numbers);
        for (size_t k = 0; wanted[i].kind == MS && k < fact.n; k++) {
            fact.numbers[k] /= 1000;
        }
    }
    if (fact.n > 0 || fact.text[0] != '\0') {
        *ret = fact;
    }
}

static size_t collect(struct tags *t, const char *charset, struct dicom_fact *facts)
{
    struct tag_element e;
    size_t n = 0;
    while (n < WANTED && tags_next(t, &e) == TAGS_OK && e.tag < 0x7fe00000 &&
           tags_skip(t, &e) == TAGS_OK) {
        for (size_t i = 0; i < WANTED; i++) {
            if (wanted[i].tag == e.tag && e.length != TAGS_UNDEFINED) {
                take(t, &e, charset, i, &facts[n]);
                n += facts[n].name != NULL;
            }
        }
    }
    return n;
}

bool dicom_set_facts(struct dicom_set *set, size_t series, struct dicom_fact **ret, size_t *ret_n,
                     struct err *err)
{
    const struct series *s = &set->series[series];
    const struct set_file *file = &set->files[s->slices[0].file];
    struct dicom_fact *facts = mem_array(WANTED, sizeof *facts, err);
    uint8_t *inflated = NULL;
    const uint8_t *bytes = NULL;
    struct tags t;
    size_t n = 0;
    if (!facts || !set_bytes(set->reader, file, &inflated, &bytes, &n, err)) {
        mem_free(facts);
        return false;
    }
    *ret_n = dicom_data_set(bytes, n, &t) ? collect(&t, s->first.charset, facts) : 0;
    mem_free(inflated);
    *ret = facts;
    return true;
}
