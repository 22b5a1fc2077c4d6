/*
 * GDCM behind `extern "C"`: see dicom-gdcm.h. The only C++ of the house. GDCM reads from a
 * std::istream; here that is a view of the caller's bytes, so nothing is copied and nothing is on
 * disk.
 */
#include "image/dicom-gdcm.h"
#include <cstdio>
#include <exception>
#include <istream>
#include <new>
#include <streambuf>
#include <gdcm-3.0/gdcmImage.h>
#include <gdcm-3.0/gdcmImageReader.h>
#include <gdcm-3.0/gdcmTrace.h>

namespace
{

/* Bytes of somebody else as a stream that can be read and sought, never written. */
class view : public std::streambuf
{
public:
    view(const void *bytes, size_t size)
    {
        char *begin = const_cast<char *>(static_cast<const char *>(bytes));
        setg(begin, begin, begin + size);
    }

protected:
    pos_type seekoff(off_type offset, std::ios_base::seekdir from, std::ios_base::openmode) override
    {
        const off_type size = egptr() - eback();
        const off_type base = from == std::ios_base::beg ? 0
            : from == std::ios_base::cur                 ? gptr() - eback()
                                                         : size;
        if (offset < -base || offset > size - base) {
            return pos_type(off_type(-1));
        }
        setg(eback(), eback() + base + offset, egptr());
        return pos_type(base + offset);
    }
    pos_type seekpos(pos_type position, std::ios_base::openmode mode) override
    {
        return seekoff(off_type(position), std::ios_base::beg, mode);
    }
};

int decode(const void *bytes, size_t size, void *out, size_t out_size, dicom_decoded &ret,
           char *why, size_t why_size)
{
    view buffer(bytes, size);
    std::istream stream(&buffer);
    gdcm::ImageReader reader;
    reader.SetStream(stream);
    if (!reader.Read()) {
        std::snprintf(why, why_size, "GDCM cannot read it");
        return 1;
    }
    const gdcm::Image &image = reader.GetImage();
    const unsigned dimensions = image.GetNumberOfDimensions();
    if (image.GetBufferLength() != out_size) {
        std::snprintf(why, why_size, "decodes to %zu bytes, its header promises %zu",
                      static_cast<size_t>(image.GetBufferLength()), out_size);
        return 1;
    }
    if (!image.GetBuffer(static_cast<char *>(out))) {
        std::snprintf(why, why_size, "GDCM cannot decode its pixels (%s)",
                      image.GetTransferSyntax().GetString());
        return 1;
    }
    const gdcm::PixelFormat format = image.GetPixelFormat();
    ret.columns = image.GetDimension(0);
    ret.rows = image.GetDimension(1);
    ret.frames = dimensions > 2 ? image.GetDimension(2) : 1;
    ret.samples = format.GetSamplesPerPixel();
    ret.bits_allocated = format.GetBitsAllocated();
    ret.bits_stored = format.GetBitsStored();
    ret.high_bit = format.GetHighBit();
    ret.is_signed = format.GetPixelRepresentation() != 0;
    return 0;
}

} // namespace

extern "C" __attribute__((visibility("default"))) int
gantry_dicom_decode(const void *bytes, size_t size, void *out, size_t out_size,
                    struct dicom_decoded *ret, char *why, size_t why_size)
{
    try {
        /* What is wrong comes back as text; GDCM's own words would go to stderr. */
        static const bool quiet = (gdcm::Trace::DebugOff(), gdcm::Trace::WarningOff(),
                                   gdcm::Trace::ErrorOff(), true);
        static_cast<void>(quiet);
        return decode(bytes, size, out, out_size, *ret, why, why_size);
    } catch (const std::bad_alloc &) {
        return 2;
    } catch (const std::exception &e) {
        std::snprintf(why, why_size, "GDCM: %s", e.what());
    } catch (...) {
        std::snprintf(why, why_size, "GDCM failed without a word");
    }
    return 1;
}
