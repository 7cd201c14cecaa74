//! The one place that calls C: OpenJPEG decodes JPEG 2000 and its high-throughput form (ITU-T T.800, T.814).
//!
//! Callers check the codestream's headers first; see `jpeg2000`.

#![expect(
    unsafe_code,
    reason = "OpenJPEG is a C library; no safe Rust decoder knows high-throughput JPEG 2000"
)]

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::slice;

use openjpeg_sys as sys;

/// One decoded component.
#[derive(Clone, Copy)]
pub(super) struct Component<'a> {
    pub width: u32,
    pub height: u32,
    /// Row by row, sign-extended where the component is signed.
    pub samples: &'a [i32],
}

/// Decodes a raw codestream and hands its components to `take`. `None` where OpenJPEG refuses it.
///
/// Unless `strict`, it accepts more tile-parts than a tile states, and also incomplete data.
pub(super) fn decode<R>(
    codestream: &[u8],
    strict: bool,
    take: impl FnOnce(&[Component<'_>]) -> R,
) -> Option<R> {
    let mut reader = Reader { bytes: codestream, position: 0 };
    let stream = Stream::new(&mut reader)?;
    let codec = Codec::new(strict)?;
    let mut image = Image(ptr::null_mut());
    // SAFETY: codec and stream live until the end of this function, and so does what the stream reads; `image` is
    // null or an image that OpenJPEG made and the guard destroys.
    let decoded = unsafe {
        sys::opj_read_header(stream.0.as_ptr(), codec.0.as_ptr(), &raw mut image.0) != 0
            && !image.0.is_null()
            && sys::opj_decode(codec.0.as_ptr(), stream.0.as_ptr(), image.0) != 0
    };
    if !decoded {
        return None;
    }
    // SAFETY: decoding succeeded, so the image is valid, and nothing changes it while it is borrowed here.
    let image = unsafe { image.0.as_ref() }?;
    if image.comps.is_null() {
        return None;
    }
    // SAFETY: OpenJPEG allocates `numcomps` components together.
    let components = unsafe { slice::from_raw_parts(image.comps, image.numcomps as usize) };
    let components: Option<Vec<Component<'_>>> = components.iter().map(component).collect();
    components.map(|components| take(&components))
}

fn component(found: &sys::opj_image_comp_t) -> Option<Component<'_>> {
    // Tiles that never came leave a component without samples, and no error.
    let samples = NonNull::new(found.data)?;
    let count = (found.w as usize).checked_mul(found.h as usize)?;
    // SAFETY: a component's samples are one allocation of width times height.
    let samples = unsafe { slice::from_raw_parts(samples.as_ptr(), count) };
    Some(Component { width: found.w, height: found.h, samples })
}

struct Image(*mut sys::opj_image_t);

impl Drop for Image {
    fn drop(&mut self) {
        // SAFETY: null, which is ignored, or an image that belongs to this guard alone.
        unsafe { sys::opj_image_destroy(self.0) }
    }
}

struct Codec(NonNull<sys::opj_codec_t>);

impl Codec {
    /// A decoder of raw codestreams.
    fn new(strict: bool) -> Option<Self> {
        let mut parameters = MaybeUninit::zeroed();
        // SAFETY: the parameters are plain C data, for which zeros are valid, and are set before they are used. The
        // codec is destroyed by the guard, once.
        unsafe {
            let codec = Self(NonNull::new(sys::opj_create_decompress(sys::OPJ_CODEC_FORMAT::OPJ_CODEC_J2K))?);
            sys::opj_set_default_decoder_parameters(parameters.as_mut_ptr());
            let ready = sys::opj_setup_decoder(codec.0.as_ptr(), parameters.as_mut_ptr()) != 0
                && sys::opj_decoder_set_strict_mode(codec.0.as_ptr(), strict.into()) != 0;
            ready.then_some(codec)
        }
    }
}

impl Drop for Codec {
    fn drop(&mut self) {
        // SAFETY: the codec belongs to this guard alone.
        unsafe { sys::opj_destroy_codec(self.0.as_ptr()) }
    }
}

/// What a stream reads.
struct Reader<'a> {
    bytes: &'a [u8],
    /// At most the number of bytes.
    position: usize,
}

struct Stream(NonNull<sys::opj_stream_t>);

impl Stream {
    /// A stream over `reader`, which must outlive it.
    fn new(reader: &mut Reader<'_>) -> Option<Self> {
        let length = reader.bytes.len();
        // SAFETY: the functions get exactly the pointer that is set here, and have the signatures that are asked for.
        unsafe {
            // The buffer never needs to be larger than the data.
            let stream = Self(NonNull::new(sys::opj_stream_create(length.clamp(64, 1 << 16), 1))?);
            let raw = stream.0.as_ptr();
            sys::opj_stream_set_read_function(raw, Some(read));
            sys::opj_stream_set_skip_function(raw, Some(skip));
            sys::opj_stream_set_seek_function(raw, Some(seek));
            sys::opj_stream_set_user_data_length(raw, length as u64);
            sys::opj_stream_set_user_data(raw, ptr::from_mut(reader).cast(), None);
            Some(stream)
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: the stream belongs to this guard alone.
        unsafe { sys::opj_stream_destroy(self.0.as_ptr()) }
    }
}

/// Copies bytes into OpenJPEG's buffer; the largest number says that there are none left.
unsafe extern "C" fn read(buffer: *mut c_void, length: usize, reader: *mut c_void) -> usize {
    // SAFETY: OpenJPEG hands back the reader that was set, and a buffer of the length that it states.
    let (reader, rest) = unsafe {
        let reader = &mut *reader.cast::<Reader<'_>>();
        let rest = reader.bytes.get(reader.position..).unwrap_or_default();
        let count = rest.len().min(length);
        ptr::copy_nonoverlapping(rest.as_ptr(), buffer.cast(), count);
        (reader, count)
    };
    reader.position += rest;
    if rest == 0 { usize::MAX } else { rest }
}

unsafe extern "C" fn skip(length: i64, reader: *mut c_void) -> i64 {
    // SAFETY: OpenJPEG hands back the reader that was set.
    let reader = unsafe { &mut *reader.cast::<Reader<'_>>() };
    let room = reader.bytes.len() - reader.position;
    match usize::try_from(length) {
        Ok(length) if length <= room => {
            reader.position += length;
            length as i64
        }
        _ => {
            reader.position = reader.bytes.len();
            -1
        }
    }
}

unsafe extern "C" fn seek(position: i64, reader: *mut c_void) -> i32 {
    // SAFETY: OpenJPEG hands back the reader that was set.
    let reader = unsafe { &mut *reader.cast::<Reader<'_>>() };
    match usize::try_from(position) {
        Ok(position) if position <= reader.bytes.len() => {
            reader.position = position;
            1
        }
        _ => 0,
    }
}
