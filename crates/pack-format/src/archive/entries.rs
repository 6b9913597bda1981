use std::{
    io::{self, BufRead, Write},
    mem,
};

use super::{
    ReadError,
    entry::{Entry, EntryType},
    extension::{ExtensionType, Extensions},
    format,
    gzip::GzipReader,
    header::{BLOCK, Header, InvalidHeader},
    tree_builder::TreeBuilder,
};
use crate::{
    Content, EntryKind, LimitName, Limits, Problems,
    secrets::{FoundSecrets, SecretScanner},
};

/// A tar that is being read, with the limits and the results so far.
pub(super) struct Entries<'a, R, W> {
    reader: GzipReader<'a, R>,
    limits: &'a Limits,
    builder: &'a mut TreeBuilder,
    problems: &'a mut Problems,
    /// Receives the contents of files, in archive order.
    contents: &'a mut W,
    /// The number of bytes written to `contents`.
    written: u64,
    /// The number of headers read, including extension headers.
    count: u64,
    /// The extension headers that apply to the next entry.
    extensions: Extensions,
    secrets: FoundSecrets,
}

impl<'a, R: BufRead, W: Write> Entries<'a, R, W> {
    pub(super) fn new(
        reader: GzipReader<'a, R>,
        limits: &'a Limits,
        builder: &'a mut TreeBuilder,
        problems: &'a mut Problems,
        contents: &'a mut W,
    ) -> Self {
        let (extensions, secrets) = (Extensions::default(), FoundSecrets::default());
        Self { reader, limits, builder, problems, contents, written: 0, count: 0, extensions, secrets }
    }

    /// Reads the tar to its end, and returns the secrets found in its files. Adds valid entries to `builder` and the
    /// problems with invalid ones to `problems`, and writes the contents of files to `contents`.
    pub(super) fn read(mut self) -> Result<FoundSecrets, ReadError> {
        loop {
            let position = self.reader.position();
            if position == 0 {
                self.check_start()?;
            }
            let Some(block) = self.block()? else { return Err(cut_off(position)) };
            if block == [0; BLOCK] {
                self.end(position)?;
                return Ok(self.secrets);
            }
            self.count += 1;
            if self.count > self.limits.entries {
                return Err(ReadError::TooLarge(self.limits.limit(LimitName::Entries)));
            }
            let header = Header::parse(&block).map_err(|error| match error {
                InvalidHeader::Checksum { .. } | InvalidHeader::UnreadableChecksum(_)
                    if position == 0 && !format::is_tar(&block) =>
                {
                    not_a_tar()
                }
                error => ReadError::at_byte(position, format_args!("the header at byte {position} {error}")),
            })?;
            match ExtensionType::from_typeflag(header.typeflag) {
                Some(extension_type) => self.extension(position, extension_type, &header)?,
                None => self.entry(position, &header)?,
            }
        }
    }

    /// Returns an error if the unpacked content is empty or has a known format other than tar.
    fn check_start(&mut self) -> Result<(), ReadError> {
        let start = self.reader.peek()?;
        if start.is_empty() {
            return Err(ReadError::in_stream(
                "the archive is empty: tar wrote nothing, so look at its error message and create the archive again",
            ));
        }
        match format::explain_content(start) {
            Some(problem) => Err(ReadError::in_stream(problem)),
            None => Ok(()),
        }
    }

    fn extension(&mut self, position: u64, extension_type: ExtensionType, header: &Header) -> Result<(), ReadError> {
        let unreadable = |problem: String| {
            ReadError::at_byte(position, format_args!("the extension header at byte {position} {problem}"))
        };
        let Limits { extension_header_bytes: limit, .. } = *self.limits;
        if header.size > limit {
            let size = header.size;
            return Err(unreadable(format!(
                "has {size} bytes; at most {limit} are allowed (limit `extension_header_bytes`)"
            )));
        }
        let mut data = Vec::new();
        if !copy_data(&mut self.reader, header.size, &mut data)? {
            return Err(unreadable("is truncated; create the archive again".to_owned()));
        }
        self.extensions.add(extension_type, header, &data).map_err(|error| unreadable(error.to_string()))
    }

    fn entry(&mut self, position: u64, header: &Header) -> Result<(), ReadError> {
        let extensions = mem::take(&mut self.extensions);
        let entry = Entry::new(header, &extensions, position);
        let size = entry.size(self.limits)?;
        let validated = entry.validate(self.limits);
        if let Err(problems) = &validated {
            for problem in problems {
                self.problems.push(entry.problem(problem));
            }
        }
        if !entry.has_unambiguous_end() {
            return Err(entry.unreadable_past(format_args!(
                "tar readers disagree on whether its {size} bytes of data are content or further entries"
            )));
        }
        let is_complete = match validated {
            Ok((EntryType::File, _)) => self.copy_file(size)?,
            _ => copy_data(&mut self.reader, size, &mut io::sink())?,
        };
        if !is_complete {
            return Err(entry.unreadable("is truncated; create the archive again"));
        }
        let Ok((entry_type, Some(path))) = validated else { return Ok(()) };
        let kind = match entry_type {
            EntryType::File => {
                if let Some(problem) = entry.mode_problem() {
                    self.builder.add_problem(&path, problem);
                }
                let content = Content { start: self.written, size };
                self.written += size;
                EntryKind::File { executable: header.mode.is_executable(), content }
            }
            EntryType::Directory => EntryKind::Directory,
        };
        if let Err(conflict) = self.builder.add(path, kind, position) {
            self.problems.push(entry.problem(conflict));
        }
        if self.builder.added_parents() > self.limits.entries {
            return Err(ReadError::TooLarge(self.limits.limit(LimitName::Entries)));
        }
        Ok(())
    }

    /// Copies a file's content to `contents` and searches it for secrets. Returns `false` if the content or its padding
    /// is truncated.
    fn copy_file(&mut self, size: u64) -> Result<bool, ReadError> {
        let mut scanner = SecretScanner::new(&mut *self.contents, size);
        let is_complete = copy_data(&mut self.reader, size, &mut scanner)?;
        self.secrets.add(self.written, scanner.finish());
        Ok(is_complete)
    }

    /// Checks that the block of zeros at `position` ends the archive properly: no extension header is left without an
    /// entry, and a second block of zeros follows (POSIX.1-1988, `ustar`). Only complete blocks of zeros may come after
    /// that.
    fn end(&mut self, position: u64) -> Result<(), ReadError> {
        if self.extensions.is_pending() {
            return Err(ReadError::at_byte(
                position,
                format_args!(
                    "the archive ends at byte {position}, but no entry follows its last extension header; create the archive again"
                ),
            ));
        }
        match self.block()? {
            Some(block) if block == [0; BLOCK] => {}
            Some(_) => {
                return Err(ReadError::at_byte(
                    position,
                    format_args!(
                        "the archive has a single block of zeros at byte {position}, which some tar readers treat as the end of the archive; create the archive again"
                    ),
                ));
            }
            None => {
                return Err(ReadError::at_byte(
                    position,
                    format_args!(
                        "the archive is truncated: it ends after one block of zeros at byte {position}, not two; create the archive again"
                    ),
                ));
            }
        }
        loop {
            let position = self.reader.position();
            match self.block()? {
                Some(block) if block == [0; BLOCK] => {}
                Some(_) => {
                    return Err(ReadError::at_byte(
                        position,
                        format_args!(
                            "the archive has data after its end, in the block at byte {position}; create the archive again \
                         instead of appending to it"
                        ),
                    ));
                }
                None => match self.reader.position() - position {
                    0 => return Ok(()),
                    rest => {
                        return Err(ReadError::at_byte(
                            position,
                            format_args!(
                                "the archive's last block, at byte {position}, has only {rest} of {BLOCK} bytes; create the \
                                 archive again"
                            ),
                        ));
                    }
                },
            }
        }
    }

    /// Reads the next block. If no complete block is left, consumes the remaining bytes and returns `None`.
    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, ReadError> {
        let mut block = [0; BLOCK];
        let is_complete = self.reader.copy(BLOCK as u64, &mut block.as_mut_slice())?;
        Ok(is_complete.then_some(block))
    }
}

/// Copies `size` bytes of an entry's data to `to`, and skips the padding. Returns `false` if the data or the padding is
/// truncated.
fn copy_data<R: BufRead>(reader: &mut GzipReader<'_, R>, size: u64, to: &mut impl Write) -> Result<bool, ReadError> {
    let padding = size.wrapping_neg() % BLOCK as u64;
    Ok(reader.copy(size, to)? && reader.copy(padding, &mut io::sink())?)
}

/// Returns the error for an incomplete or missing block at `position`.
fn cut_off(position: u64) -> ReadError {
    if position == 0 {
        return not_a_tar();
    }
    ReadError::at_byte(
        position,
        format_args!(
            "the archive is truncated: it ends at byte {position} without the two blocks of zeros that end a tar; create the archive again"
        ),
    )
}

fn not_a_tar() -> ReadError {
    ReadError::in_stream(format_args!("is a gzip file whose content is not a tar; {}", format::CREATE))
}
