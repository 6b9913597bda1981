//! Reading or keeping an archive fails: nobody then says anything of the pack.

use std::io::{self, BufReader, Cursor, ErrorKind, Read, Seek, SeekFrom, Write};

use pack_format::{Limits, ValidationError, image::Image, validate};
use test_support::archive::{Archive, gzip};

use crate::support::Validated;

/// Works for so many bytes, and then fails.
struct Failing<T> {
    inner: T,
    left: usize,
    kind: ErrorKind,
}

impl<T> Failing<T> {
    fn step(&mut self, length: usize) -> io::Result<usize> {
        let now = length.min(self.left);
        if now == 0 && length > 0 {
            return Err(self.kind.into());
        }
        self.left -= now;
        Ok(now)
    }
}

impl<T: Read> Read for Failing<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let now = self.step(buffer.len())?;
        self.inner.read(&mut buffer[..now])
    }
}

impl<T: Write> Write for Failing<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let now = self.step(bytes.len())?;
        self.inner.write(&bytes[..now])
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
    gzip(&Archive::pack().file("data/noise", &noise).file("behavior.md", b"text").tar())
}

#[test]
fn an_archive_that_cannot_be_read_is_not_refused() {
    let upload = upload();
    // The last of these are what the decoder says of a damaged archive.
    for kind in [ErrorKind::Other, ErrorKind::UnexpectedEof, ErrorKind::InvalidInput, ErrorKind::InvalidData] {
        for left in [0, 1, 20, upload.len() / 2, upload.len() - 4, upload.len()] {
            let source = BufReader::with_capacity(100, Failing { inner: &upload[..], left, kind });
            match validate(source, &Limits::default(), &mut Cursor::<Vec<u8>>::default()) {
                Err(ValidationError::Io(error)) => assert_eq!(error.kind(), kind, "after {left} bytes"),
                other => panic!("after {left} bytes: {other:?}"),
            }
        }
    }
}

#[test]
fn an_archive_that_arrives_in_pieces_is_one_archive() {
    let upload = upload();
    let expected = Validated::new(&upload).unwrap().image();
    for length in [1, 7, 4_096] {
        let mut contents = Cursor::<Vec<u8>>::default();
        let pieces = BufReader::with_capacity(length, &upload[..]);
        let pack = validate(pieces, &Limits::default(), &mut contents).unwrap();
        assert_eq!(Image::new(&pack.tree, &mut contents).unwrap(), expected);
    }
}

#[test]
fn contents_that_cannot_be_kept_are_no_fault_of_the_pack() {
    for left in [0, 10, 70_000] {
        let mut contents = Failing { inner: Cursor::new(Vec::new()), left, kind: ErrorKind::StorageFull };
        match validate(&upload()[..], &Limits::default(), &mut contents) {
            Err(ValidationError::Io(error)) => assert_eq!(error.kind(), ErrorKind::StorageFull),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn contents_that_are_gone_make_no_image() {
    let mut contents = Cursor::<Vec<u8>>::default();
    let pack = validate(&upload()[..], &Limits::default(), &mut contents).unwrap();
    let mut cut = Cursor::new(&contents.get_ref()[..contents.get_ref().len() - 1]);
    assert_eq!(Image::new(&pack.tree, &mut cut).unwrap_err().kind(), ErrorKind::UnexpectedEof);
}
