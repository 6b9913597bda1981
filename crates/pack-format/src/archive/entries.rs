use std::{
    io::{self, BufRead, Write},
    mem,
};

use super::{
    FIELD, ReadError,
    collect::Collector,
    entry::{Entry, Kind},
    extension::{self, Extensions},
    gzip::Unpacked,
    header::{BLOCK, Header},
};
use crate::{Content, EntryKind, Limit, Limits, Problems};

/// Walks an archive's blocks from the first to the last.
pub(super) struct Entries<'a, R, W> {
    unpacked: Unpacked<'a, R>,
    limits: &'a Limits,
    collector: &'a mut Collector,
    problems: &'a mut Problems,
    /// Where the contents of files are written.
    contents: &'a mut W,
    /// How much was written there, in bytes.
    written: u64,
    /// Headers so far.
    count: u64,
    extensions: Extensions,
}

impl<'a, R: BufRead, W: Write> Entries<'a, R, W> {
    pub(super) fn new(
        unpacked: Unpacked<'a, R>,
        limits: &'a Limits,
        collector: &'a mut Collector,
        problems: &'a mut Problems,
        contents: &'a mut W,
    ) -> Self {
        let extensions = Extensions::default();
        Self { unpacked, limits, collector, problems, contents, written: 0, count: 0, extensions }
    }

    /// Reads every entry into the collector, and what is wrong with one into the problems.
    pub(super) fn read(mut self) -> Result<(), ReadError> {
        loop {
            let position = self.unpacked.position();
            let Some(block) = self.block()? else {
                return Err(ReadError::Lost(format!(
                    "the archive ends at byte {position} without the two blocks of zeros that mark its end: it is cut off"
                )));
            };
            if block == [0; BLOCK] {
                return self.end(position);
            }
            self.count += 1;
            if self.count > self.limits.entries {
                return Err(ReadError::TooLarge(Limit::Entries(self.limits.entries)));
            }
            let header = Header::parse(&block)
                .map_err(|error| ReadError::Lost(format!("the header at byte {position} {error}")))?;
            match extension::Kind::of(header.typeflag) {
                Some(kind) => self.extension(position, kind, &header)?,
                None => self.entry(position, &header)?,
            }
        }
    }

    fn extension(&mut self, position: u64, kind: extension::Kind, header: &Header) -> Result<(), ReadError> {
        let lost = |what: String| ReadError::Lost(format!("the extension header at byte {position} {what}"));
        let Limits { extension_header_bytes: limit, .. } = *self.limits;
        if header.size > limit {
            let size = header.size;
            return Err(lost(format!(
                "has {size} bytes; at most {limit} are allowed (limit `extension_header_bytes`)"
            )));
        }
        let mut data = Vec::new();
        if !pass_data(&mut self.unpacked, header.size, &mut data)? {
            return Err(lost("is cut off".to_owned()));
        }
        self.extensions.add(kind, header, &data).map_err(|error| lost(error.to_string()))
    }

    fn entry(&mut self, position: u64, header: &Header) -> Result<(), ReadError> {
        let extensions = mem::take(&mut self.extensions);
        let entry = Entry::new(header, &extensions, position);
        let size = entry.size(self.limits)?;
        let validated = entry.validate(self.limits);
        if let Err(faults) = &validated {
            let entry = entry.to_string();
            for fault in faults {
                self.problems.add(FIELD, format_args!("{entry} {fault}"));
            }
        }
        if !entry.has_certain_end() {
            return Err(ReadError::Lost(format!(
                "what follows {entry} was not read: readers differ in whether its {size} bytes of data are entries"
            )));
        }
        let is_whole = match validated {
            Ok((Kind::File, _)) => pass_data(&mut self.unpacked, size, self.contents)?,
            _ => pass_data(&mut self.unpacked, size, &mut io::sink())?,
        };
        if !is_whole {
            return Err(ReadError::Lost(format!("{entry} is cut off")));
        }
        let Ok((kind, Some(path))) = validated else { return Ok(()) };
        let kind = match kind {
            Kind::File => {
                let content = Content { start: self.written, size };
                self.written += size;
                EntryKind::File { executable: header.executable, content }
            }
            Kind::Directory => EntryKind::Directory,
        };
        if let Err(clash) = self.collector.add(path, kind, position) {
            self.problems.add(FIELD, format!("{entry} {clash}"));
        }
        if self.collector.added_parents() > self.limits.entries {
            return Err(ReadError::TooLarge(Limit::Entries(self.limits.entries)));
        }
        Ok(())
    }

    /// Two blocks of zeros mark the end (POSIX.1-1988, `ustar`), and only zeros may follow, to the end of the last block.
    fn end(&mut self, position: u64) -> Result<(), ReadError> {
        if self.extensions.is_pending() {
            return Err(ReadError::Lost(format!(
                "the archive ends at byte {position}, and no entry follows its last extension header"
            )));
        }
        match self.block()? {
            Some(block) if block == [0; BLOCK] => {}
            Some(_) => {
                return Err(ReadError::Lost(format!(
                    "the archive has a lone block of zeros at byte {position}; for some readers that is its end"
                )));
            }
            None => {
                return Err(ReadError::Lost(format!(
                    "the archive ends after one block of zeros at byte {position} instead of two: it is cut off"
                )));
            }
        }
        loop {
            let position = self.unpacked.position();
            match self.block()? {
                Some(block) if block == [0; BLOCK] => {}
                Some(_) => {
                    return Err(ReadError::Lost(format!(
                        "the archive has data after its end mark, in the block at byte {position}; append nothing to it"
                    )));
                }
                None => match self.unpacked.position() - position {
                    0 => return Ok(()),
                    rest => {
                        return Err(ReadError::Lost(format!(
                            "the archive's last block, at byte {position}, has only {rest} bytes"
                        )));
                    }
                },
            }
        }
    }

    /// The next block; `None` if there is no whole one.
    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, ReadError> {
        let mut block = [0; BLOCK];
        let is_whole = self.unpacked.pass(BLOCK as u64, &mut block.as_mut_slice())?;
        Ok(is_whole.then_some(block))
    }
}

/// Passes an entry's data on, of which the header says that it has `size` bytes, and skips what fills its last block.
/// False if it is cut off.
fn pass_data<R: BufRead>(unpacked: &mut Unpacked<'_, R>, size: u64, to: &mut impl Write) -> Result<bool, ReadError> {
    let padding = size.wrapping_neg() % BLOCK as u64;
    Ok(unpacked.pass(size, to)? && unpacked.pass(padding, &mut io::sink())?)
}
