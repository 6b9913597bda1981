//! Tests that I/O errors while reading an archive, or while storing or reading its contents, are returned as errors and
//! not reported as problems with the pack. Also tests that the size of the reads does not affect the result.

use std::io::{self, BufReader, Cursor, ErrorKind, Read, Seek, SeekFrom, Write};

use pack_format::{Limits, ValidationError, Visibility, image::Image, unpack, validate, write_layer_of};
use test_support::{
    archive::Archive,
    validation::{self, ValidatedPack, validate_within},
};

/// A wrapper around a reader or writer that fails after `left` bytes.
struct Failing<T> {
    inner: T,
    left: usize,
    kind: ErrorKind,
}

impl<T> Failing<T> {
    fn allow(&mut self, length: usize) -> io::Result<usize> {
        let allowed = length.min(self.left);
        if allowed == 0 && length > 0 {
            return Err(self.kind.into());
        }
        self.left -= allowed;
        Ok(allowed)
    }
}

impl<T: Read> Read for Failing<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let allowed = self.allow(buffer.len())?;
        self.inner.read(&mut buffer[..allowed])
    }
}

impl<T: Write> Write for Failing<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let allowed = self.allow(bytes.len())?;
        self.inner.write(&bytes[..allowed])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Seek> Seek for Failing<T> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.inner.seek(position)
    }
}

fn upload() -> Vec<u8> {
    let noise: Vec<u8> = (0..100_000_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    Archive::pack().file("data/noise", noise).file("behavior.md", "text").tar_gz()
}

#[test]
fn an_error_while_reading_the_archive_is_returned_as_an_io_error() {
    let upload = upload();
    // The gzip decoder reports a damaged archive with some of these kinds. An error from the reader must not be
    // mistaken for that.
    for kind in [ErrorKind::Other, ErrorKind::UnexpectedEof, ErrorKind::InvalidInput, ErrorKind::InvalidData] {
        for left in [0, 1, 20, upload.len() / 2, upload.len() - 4, upload.len()] {
            let source = BufReader::with_capacity(100, Failing { inner: &upload[..], left, kind });
            match validate_within(source, &Limits::default()) {
                Err(ValidationError::Io(error)) => assert_eq!(error.kind(), kind, "after {left} bytes"),
                other => panic!("after {left} bytes: {other:?}"),
            }
            let source = || BufReader::with_capacity(100, Failing { inner: &upload[..], left, kind });
            let unpacked = unpack(source(), &Limits::default(), &mut Vec::new()).map(|_| ());
            let written = write_layer_of(source(), &Limits::default(), &mut Vec::new());
            for result in [unpacked, written] {
                match result {
                    Err(ValidationError::Io(error)) => assert_eq!(error.kind(), kind, "after {left} bytes"),
                    other => panic!("after {left} bytes: {other:?}"),
                }
            }
        }
    }
}

#[test]
fn the_read_size_does_not_affect_the_result() {
    let upload = upload();
    let expected = validation::validate(&upload).unwrap().image();
    for length in [1, 7, 4_096] {
        let pieces = BufReader::with_capacity(length, &upload[..]);
        assert_eq!(validate_within(pieces, &Limits::default()).unwrap().image(), expected);
    }
}

#[test]
fn an_error_while_storing_contents_is_returned_as_an_io_error() {
    for left in [0, 10, 70_000] {
        let mut contents = Failing { inner: Cursor::new(Vec::new()), left, kind: ErrorKind::StorageFull };
        match validate(&upload()[..], &Limits::default(), Visibility::Org, &mut contents) {
            Err(ValidationError::Io(error)) => assert_eq!(error.kind(), ErrorKind::StorageFull),
            other => panic!("{other:?}"),
        }
        let mut layer = Failing { inner: Vec::new(), left, kind: ErrorKind::StorageFull };
        match write_layer_of(&upload()[..], &Limits::default(), &mut layer) {
            Err(ValidationError::Io(error)) => assert_eq!(error.kind(), ErrorKind::StorageFull),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_image_cannot_be_assembled_from_truncated_contents() {
    let ValidatedPack { pack, contents } = validation::validate(&upload()).unwrap();
    let mut truncated = Cursor::new(&contents.get_ref()[..contents.get_ref().len() - 1]);
    assert_eq!(Image::new(&pack, &mut truncated).unwrap_err().kind(), ErrorKind::UnexpectedEof);
}
