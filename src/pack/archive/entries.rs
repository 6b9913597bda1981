use std::{io::BufRead, mem, ops::Range};

use super::{
    FIELD, Stop,
    collect::Collector,
    entry::{Entry, Kind},
    extension::{self, Extensions},
    gzip::Unpacked,
    header::{BLOCK, Header},
};
use crate::pack::{EntryKind, Limit, Limits, Problems};

/// Walks an archive's blocks from the first to the last.
pub(super) struct Entries<'a, 'b, R> {
    unpacked: &'a mut Unpacked<'b, R>,
    limits: &'a Limits,
    collector: &'a mut Collector,
    problems: &'a mut Problems,
    /// Where the next block begins, in bytes of the unpacked archive.
    position: usize,
    /// Headers so far.
    count: u64,
    extensions: Extensions,
}

impl<'a, 'b, R: BufRead> Entries<'a, 'b, R> {
    pub(super) fn new(
        unpacked: &'a mut Unpacked<'b, R>,
        limits: &'a Limits,
        collector: &'a mut Collector,
        problems: &'a mut Problems,
    ) -> Self {
        Self { unpacked, limits, collector, problems, position: 0, count: 0, extensions: Extensions::default() }
    }

    /// Reads every entry into the collector, and what is wrong with one into the problems.
    pub(super) fn read(mut self) -> Result<(), Stop> {
        loop {
            let position = self.position;
            let Some(block) = self.block()? else {
                return Err(Stop::Lost(format!(
                    "the archive ends at byte {position} without the two blocks of zeros that mark its end: it is cut off"
                )));
            };
            if block == [0; BLOCK] {
                return self.end(position);
            }
            self.count += 1;
            if self.count > self.limits.entries {
                return Err(Stop::TooLarge(Limit::Entries(self.limits.entries)));
            }
            let header =
                Header::parse(&block).map_err(|error| Stop::Lost(format!("the header at byte {position} {error}")))?;
            match extension::Kind::of(header.typeflag) {
                Some(kind) => self.extension(position, kind, &header)?,
                None => self.entry(position, &header)?,
            }
        }
    }

    fn extension(&mut self, position: usize, kind: extension::Kind, header: &Header) -> Result<(), Stop> {
        let lost = |what: String| Stop::Lost(format!("the extension header at byte {position} {what}"));
        let Limits { extension_header_bytes: limit, .. } = *self.limits;
        if header.size > limit {
            let size = header.size;
            return Err(lost(format!(
                "has {size} bytes; at most {limit} are allowed (limit `extension_header_bytes`)"
            )));
        }
        let data = self.data(header.size)?.ok_or_else(|| lost("is cut off".to_owned()))?;
        let data = &self.unpacked.bytes()[data];
        self.extensions.add(kind, header, data).map_err(|error| lost(error.to_string()))
    }

    fn entry(&mut self, position: usize, header: &Header) -> Result<(), Stop> {
        let extensions = mem::take(&mut self.extensions);
        let entry = Entry::new(header, &extensions, position);
        let size = entry.size(self.limits)?;
        let judged = entry.judge(self.limits);
        if let Err(faults) = &judged {
            let entry = entry.to_string();
            for fault in faults {
                self.problems.add(FIELD, format_args!("{entry} {fault}"));
            }
        }
        if !entry.has_certain_end() {
            return Err(Stop::Lost(format!(
                "what follows {entry} was not read: readers differ in whether its {size} bytes of data are entries"
            )));
        }
        let content = self.data(size)?.ok_or_else(|| Stop::Lost(format!("{entry} is cut off")))?;
        let Ok((kind, Some(path))) = judged else { return Ok(()) };
        let kind = match kind {
            Kind::File => EntryKind::File { executable: header.executable, content },
            Kind::Directory => EntryKind::Directory,
        };
        if let Err(clash) = self.collector.add(path, kind, position) {
            self.problems.add(FIELD, format!("{entry} {clash}"));
        }
        if self.collector.added_parents() > self.limits.entries {
            return Err(Stop::TooLarge(Limit::Entries(self.limits.entries)));
        }
        Ok(())
    }

    /// Two blocks of zeros mark the end (POSIX.1-1988, `ustar`), and only zeros may follow, to the end of the last block.
    fn end(&mut self, position: usize) -> Result<(), Stop> {
        if self.extensions.is_pending() {
            return Err(Stop::Lost(format!(
                "the archive ends at byte {position}, and no entry follows its last extension header"
            )));
        }
        match self.block()? {
            Some(block) if block == [0; BLOCK] => {}
            Some(_) => {
                return Err(Stop::Lost(format!(
                    "the archive has a lone block of zeros at byte {position}; for some readers that is its end"
                )));
            }
            None => {
                return Err(Stop::Lost(format!(
                    "the archive ends after one block of zeros at byte {position} instead of two: it is cut off"
                )));
            }
        }
        while let Some(block) = self.block()? {
            if block != [0; BLOCK] {
                return Err(Stop::Lost(format!(
                    "the archive has data after its end mark, in the block at byte {}; append nothing to it",
                    self.position - BLOCK
                )));
            }
        }
        match self.unpacked.bytes().len() - self.position {
            0 => Ok(()),
            rest => {
                Err(Stop::Lost(format!("the archive's last block, at byte {}, has only {rest} bytes", self.position)))
            }
        }
    }

    /// The next block; `None` if there is no whole one.
    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, Stop> {
        let Some(range) = self.take(BLOCK)? else { return Ok(None) };
        let bytes = &self.unpacked.bytes()[range];
        Ok(bytes.try_into().ok())
    }

    /// Where the next entry's data lies, of which the header says that it has `size` bytes; `None` if it is cut off.
    fn data(&mut self, size: u64) -> Result<Option<Range<usize>>, Stop> {
        // A size beyond the address space is cut off for certain.
        let Ok(size) = usize::try_from(size) else { return Ok(None) };
        let Some(padded) = size.checked_next_multiple_of(BLOCK) else { return Ok(None) };
        let blocks = self.take(padded)?;
        Ok(blocks.map(|blocks| blocks.start..blocks.start + size))
    }

    fn take(&mut self, length: usize) -> Result<Option<Range<usize>>, Stop> {
        let start = self.position;
        let Some(end) = start.checked_add(length) else { return Ok(None) };
        if !self.unpacked.fill(end)? {
            return Ok(None);
        }
        self.position = end;
        Ok(Some(start..end))
    }
}
