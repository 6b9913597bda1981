//! Makes random changes to tars.

use std::ops::Range;

use fastrand::Rng;

use crate::archive::{
    BLOCK, CHECKSUM, DEV_MAJOR, DEV_MINOR, GID, Header, LINK_NAME, MAGIC_AND_VERSION, MODE, MTIME, NAME, PREFIX, SIZE,
    STAR_ATIME, STAR_CTIME, STAR_TRAILER, TYPEFLAG, UID, pax_record, repair_checksum,
};

const NUMBERS: [(&str, Range<usize>); 7] = [
    ("mode", MODE),
    ("uid", UID),
    ("gid", GID),
    ("size", SIZE),
    ("mtime", MTIME),
    ("devmajor", DEV_MAJOR),
    ("devminor", DEV_MINOR),
];
/// Values for numeric fields. A value is padded with NULs or truncated to the length of the field.
const VALUES: [&[u8]; 15] = [
    b"",
    b"            ",
    b"     \0",
    b"0",
    b"000000000000",
    b"  644 \0",
    b"0000755\0",
    b"777\0x",
    b"-1",
    b"\x80\0\0\0\0\0\0\0\0\0\0\x02",
    b"\x80\0\0\x01\0\0\0\0",
    b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe",
    b"\xff\xff\xff\xff\x80\0\0\0\0\0\0\0",
    b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
];
const MAGICS: [&[u8; 8]; 9] = [
    b"ustar\x0000",
    b"ustar  \0",
    b"\0\0\0\0\0\0\0\0",
    b"ustar\0\0\0",
    b"ustar\x000 ",
    b"ustar 00",
    b"ustar\x0001",
    b"USTAR\x0000",
    b"        ",
];
const TYPEFLAGS: &[u8] = b"\x000125679xgLKAVX";
const RECORDS: [(&str, &[u8]); 30] = [
    ("path", b"data/other"),
    ("path", b""),
    (" path", b"data/other"),
    ("path ", b"data/other"),
    ("size", b"0"),
    ("\tsize", b"0"),
    ("linkpath", b"pack.yaml"),
    ("uid", b"abc"),
    ("uid", b"007"),
    ("gid", b"-2"),
    ("gid", b"4294967296"),
    ("mtime", b"1."),
    ("mtime", b"-1.5"),
    ("mtime", b"9223372036854775807"),
    ("atime", b"1e5"),
    ("uname", b"a\0b"),
    ("uname", b"\xff"),
    ("gname", "Größe".as_bytes()),
    ("hdrcharset", b"BINARY"),
    ("comment", b"a\n12 path=b\n"),
    ("SCHILY.xattr.user.note", b"a\0b"),
    ("SCHILY.xattr.user.note", b"a\n"),
    ("SCHILY.xattr.user.note", b"a\nb"),
    ("SCHILY.acl.access", b"user::rwx,group::r--,other::r--"),
    ("SCHILY.acl.access", b"user::rw-,group::r--,other::r--"),
    ("SCHILY.realsize", b"9"),
    ("GNU.sparse.major", b"1"),
    ("GNU.sparse.name", b"data/other"),
    ("GNU.crc32", b"1A2B3C4D"),
    ("VENDOR.key", b"\xff"),
];

/// Makes one random change to a tar. Returns a description of the change, and the changed tar.
pub fn mutate(tar: &[u8], random: &mut Rng) -> (String, Vec<u8>) {
    let headers = headers(tar);
    let start = headers[random.usize(..headers.len())];
    let mut tar = tar.to_vec();
    let change = match random.u8(..12) {
        0 => insert_pax(&mut tar, start, random),
        1 => insert_long_name(&mut tar, start, random),
        2 => change_end(&mut tar, random),
        3 => change_data(&mut tar, start, random),
        _ => {
            let header = &mut tar[start..start + BLOCK];
            let change = change_header(header, random);
            if !change.starts_with("checksum") {
                repair_checksum(header);
            }
            change
        }
    };
    (format!("{change} at {start}"), tar)
}

fn change_header(header: &mut [u8], random: &mut Rng) -> String {
    match random.u8(..9) {
        0 => {
            let (name, field) = NUMBERS[random.usize(..NUMBERS.len())].clone();
            let value = VALUES[random.usize(..VALUES.len())];
            set(header, field, value);
            format!("{name} {value:?}")
        }
        1 => {
            let magic = MAGICS[random.usize(..MAGICS.len())];
            set(header, MAGIC_AND_VERSION, magic);
            format!("magic {magic:?}")
        }
        2 => {
            header[TYPEFLAG] = TYPEFLAGS[random.usize(..TYPEFLAGS.len())];
            format!("typeflag {}", header[TYPEFLAG])
        }
        3 => {
            let (name, field) =
                [("name", NAME), ("prefix", PREFIX), ("linkname", LINK_NAME)][random.usize(..3)].clone();
            let last = field.end - 1;
            header[last] = b"x/\0 "[random.usize(..4)];
            format!("last byte of {name} {}", header[last])
        }
        4 => {
            set(header, STAR_TRAILER, b"tar\0");
            if random.bool() {
                set(header, STAR_ATIME, b"14722531400 ");
                set(header, STAR_CTIME, b"14722531400 ");
            }
            "star trailer".to_owned()
        }
        5 => {
            let name: Vec<u8> = header[NAME].iter().copied().take_while(|byte| *byte != 0).collect();
            set(header, PREFIX, &name);
            set(header, NAME, [b"".as_slice(), b"/", b"a"][random.usize(..3)]);
            "name in the prefix".to_owned()
        }
        6 => {
            let index = CHECKSUM.start + random.usize(..CHECKSUM.len());
            header[index] ^= 1 << random.u8(..8);
            format!("checksum byte {index}")
        }
        7 => {
            let name: Vec<u8> = header[NAME].iter().copied().take_while(|byte| *byte != 0).collect();
            let changed = match random.u8(..4) {
                0 => [b"./".as_slice(), &name].concat(),
                1 => [&name, b"/".as_slice()].concat(),
                2 => name.strip_suffix(b"/").unwrap_or(b"/").to_vec(),
                _ => String::from_utf8_lossy(&name).replace('/', "//").into_bytes(),
            };
            set(header, NAME, &changed[..changed.len().min(NAME.len())]);
            "name".to_owned()
        }
        _ => {
            let index = random.usize(..BLOCK);
            header[index] = random.u8(..);
            format!("byte {index} {}", header[index])
        }
    }
}

/// Inserts a local or global PAX header with one or two records, and sometimes changes a byte of its data.
fn insert_pax(tar: &mut Vec<u8>, start: usize, random: &mut Rng) -> String {
    let mut record = || RECORDS[random.usize(..RECORDS.len())];
    let records = [record(), record()];
    let count = random.usize(1..=2);
    let mut data: Vec<u8> = records[..count].iter().flat_map(|(keyword, value)| pax_record(keyword, value)).collect();
    if random.u8(..8) == 0 {
        let index = random.usize(..data.len());
        data[index] = random.u8(..);
    }
    let typeflag = if random.u8(..4) == 0 { b'g' } else { b'x' };
    insert(tar, start, Header::ustar("PaxHeaders/a").typeflag(typeflag), &data);
    format!("PAX header {} of {}", char::from(typeflag), String::from_utf8_lossy(&data))
}

/// Inserts a GNU long name or long link name. The name is often the one in the header at `start`.
fn insert_long_name(tar: &mut Vec<u8>, start: usize, random: &mut Rng) -> String {
    let mut name: Vec<u8> = tar[start..][NAME].iter().copied().take_while(|byte| *byte != 0).collect();
    if random.u8(..3) == 0 {
        name = b"data/other".to_vec();
    }
    name.extend(vec![0; random.usize(..3)]);
    let typeflag = if random.u8(..4) == 0 { b'K' } else { b'L' };
    let header = if random.bool() { Header::gnu("././@LongLink") } else { Header::ustar("././@LongLink") };
    insert(tar, start, header.typeflag(typeflag), &name);
    format!("long name {}", String::from_utf8_lossy(&name))
}

fn insert(tar: &mut Vec<u8>, start: usize, header: Header, data: &[u8]) {
    let padding = vec![0; data.len().next_multiple_of(BLOCK) - data.len()];
    let header = header.size(data.len()).into_block();
    tar.splice(start..start, [&header, data, padding.as_slice()].concat());
}

/// Replaces the zeros after the last entry with 0 to 3 blocks of zeros, followed by up to one block of bytes that are
/// all 0x00 or all 0x01.
fn change_end(tar: &mut Vec<u8>, random: &mut Rng) -> String {
    let content = tar.len() - tar.iter().rev().take_while(|byte| **byte == 0).count();
    tar.truncate(content.next_multiple_of(BLOCK));
    let zeros = random.usize(..4);
    tar.extend(vec![0; zeros * BLOCK]);
    let rest = [0, 0, 1, BLOCK][random.usize(..4)];
    tar.extend(vec![random.u8(..2); rest]);
    format!("{zeros} zero blocks and {rest} bytes after the end")
}

/// Changes one of the first 60 bytes after a header. They are a file's content, an extension header's data or, for an
/// entry without data, the start of the next header.
fn change_data(tar: &mut [u8], start: usize, random: &mut Rng) -> String {
    let index = start + BLOCK + random.usize(..60);
    if index < tar.len() {
        tar[index] = random.u8(..);
    }
    format!("byte {index}")
}

fn set(header: &mut [u8], field: Range<usize>, bytes: &[u8]) {
    let field = &mut header[field];
    let length = bytes.len().min(field.len());
    field.fill(0);
    field[..length].copy_from_slice(&bytes[..length]);
}

fn headers(tar: &[u8]) -> Vec<usize> {
    let is_header = |start: &usize| {
        let mut block = tar[*start..start + BLOCK].to_vec();
        let digits = |block: &[u8]| String::from_utf8_lossy(&block[CHECKSUM]).trim_matches(['\0', ' ']).to_owned();
        let found = digits(&block);
        repair_checksum(&mut block);
        let is_same = u32::from_str_radix(&found, 8) == u32::from_str_radix(&digits(&block), 8);
        is_same && block[NAME.start] != 0
    };
    (0..tar.len() / BLOCK * BLOCK).step_by(BLOCK).filter(is_header).collect()
}
