/* Text of DICOM headers as UTF-8. */
#ifndef GANTRY_IMAGE_DICOM_TEXT_H
#define GANTRY_IMAGE_DICOM_TEXT_H

#include <stddef.h>

/* In place, from the character set that (0008,0005) names; without one, text that is not UTF-8 is
 * taken for Windows-1251, which is what Russian scanners write. What cannot be read becomes '?'. */
void dicom_text_utf8(const char *charset, char *text, size_t room);

#endif
