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
    image::{entry_headers, padding},
    secrets::{FoundSecrets, SecretScanner},
};

/// What to write while an archive is read.
pub(crate) enum Output<'a, W> {
    /// The contents of its files, in archive order.
    Contents(&'a mut W),
    /// The contents of its files, in archive order. They are also searched for secrets.
    SearchedContents(&'a mut W, &'a mut FoundSecrets),
    /// A layer of the entries that the pack keeps, in archive order, without the end-of-archive marker.
    Layer(&'a mut W),
}

/// A tar that is being read, with the limits and the results so far.
pub(super) struct Entries<'a, R, W> {
    reader: GzipReader<'a, R>,
    limits: &'a Limits,
    builder: &'a mut TreeBuilder,
    problems: &'a mut Problems,
    output: Output<'a, W>,
    /// The total size of the files written to `output`, in bytes.
    written: u64,
    /// The number of headers read, including extension headers.
    count: u64,
    /// The extension headers that apply to the next entry.
    extensions: Extensions,
}

impl<'a, R: BufRead, W: Write> Entries<'a, R, W> {
    pub(super) fn new(
        reader: GzipReader<'a, R>,
        limits: &'a Limits,
        builder: &'a mut TreeBuilder,
        problems: &'a mut Problems,
        output: Output<'a, W>,
    ) -> Self {
        Self { reader, limits, builder, problems, output, written: 0, count: 0, extensions: Extensions::default() }
    }

    /// Reads the tar to its end. Adds valid entries to `builder` and the problems with invalid ones to `problems`, and
    /// writes to `output`.
    pub(super) fn read(mut self) -> Result<(), ReadError> {
        loop {
            let position = self.reader.position();
            if position == 0 {
                self.check_start()?;
            }
            let Some(block) = self.block()? else { return Err(cut_off(position)) };
            if block == [0; BLOCK] {
                return self.end(position);
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
        let is_written = match validated {
            Ok((entry_type, Some(path))) => self.add(&entry, entry_type, path, size)?,
            _ => false,
        };
        let is_complete =
            if is_written { self.copy_file(size)? } else { copy_data(&mut self.reader, size, &mut io::sink())? };
        if is_complete { Ok(()) } else { Err(entry.unreadable("is truncated; create the archive again")) }
    }

    /// Adds a valid entry to `builder`. If it conflicts with another entry, adds a problem instead. If the output is a
    /// layer, also writes the headers of the entry and of its missing parent directories. Returns whether to write the
    /// entry's data.
    fn add(&mut self, entry: &Entry<'_>, entry_type: EntryType, path: String, size: u64) -> Result<bool, ReadError> {
        let kind = match entry_type {
            EntryType::File => {
                if let Some(problem) = entry.mode_problem() {
                    self.builder.add_problem(&path, problem);
                }
                let content = Content { start: self.written, size };
                EntryKind::File { executable: entry.is_executable(), content }
            }
            EntryType::Directory => EntryKind::Directory,
        };
        if let Err(conflict) = self.builder.add(path, kind, entry.position()) {
            self.problems.push(entry.problem(conflict));
            return Ok(false);
        }
        if self.builder.added_parents() > self.limits.entries {
            return Err(ReadError::TooLarge(self.limits.limit(LimitName::Entries)));
        }
        let Output::Layer(layer) = &mut self.output else { return Ok(entry_type == EntryType::File) };
        let entries = self.builder.new_entries();
        for entry in &entries {
            layer.write_all(&entry_headers(entry)).map_err(ReadError::Io)?;
        }
        // `entries` ends with the file, or does not contain it if the pack does not keep it.
        Ok(entries.last().is_some_and(|entry| entry.kind != EntryKind::Directory))
    }

    /// Copies a file's content to `output`, with padding if the output is a layer. Returns `false` if the content or
    /// its padding in the archive is truncated.
    fn copy_file(&mut self, size: u64) -> Result<bool, ReadError> {
        let start = self.written;
        self.written += size;
        match &mut self.output {
            Output::Contents(contents) => copy_data(&mut self.reader, size, contents),
            Output::SearchedContents(contents, secrets) => {
                let mut scanner = SecretScanner::new(contents, size);
                let is_complete = copy_data(&mut self.reader, size, &mut scanner)?;
                secrets.add(start, scanner.finish());
                Ok(is_complete)
            }
            Output::Layer(layer) => {
                let is_complete = copy_data(&mut self.reader, size, layer)?;
                layer.write_all(padding(size)).map_err(ReadError::Io)?;
                Ok(is_complete)
            }
        }
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
