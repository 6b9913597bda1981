use super::header::Mode;

/// Returns whether an access control list (`SCHILY.acl.access`) contradicts a file's mode. Libarchive applies the list
/// to the mode. The list contradicts the mode if applying it changes the owner's execute bit or changes whether any
/// execute bit is set.
///
/// The list consists of entries such as `user::rw-` or `user:bob:r--`, separated by commas or line feeds. Libarchive
/// sets the mode bits from the entries for the owning user, the owning group and others.
pub(super) fn contradicts(acl: &[u8], mode: Mode) -> bool {
    let mut bits = mode.execute_bits();
    for entry in acl.split(|byte| matches!(byte, b',' | b'\n')) {
        if let Some((class, may_execute)) = class_entry(entry) {
            bits[class] = may_execute;
        }
    }
    bits[0] != mode.is_owner_executable() || bits.contains(&true) != mode.is_executable()
}

/// Returns an entry's class (0: the owning user, 1: the owning group, 2: others), and whether the entry grants execute
/// permission. Returns `None` for named users and groups, masks and default entries.
fn class_entry(entry: &[u8]) -> Option<(usize, bool)> {
    let entry = entry.split(|byte| *byte == b'#').next()?;
    let mut fields = entry.split(|byte| *byte == b':').map(<[u8]>::trim_ascii);
    let class = match fields.next()? {
        b"user" | b"u" => 0,
        b"group" | b"g" => 1,
        b"other" | b"o" => 2,
        _ => return None,
    };
    let permissions = match fields.next()? {
        b"" => fields.next()?,
        // Solaris writes `other:r-x`.
        permissions if class == 2 => permissions,
        _ => return None,
    };
    Some((class, permissions.iter().any(|byte| byte.eq_ignore_ascii_case(&b'x'))))
}
