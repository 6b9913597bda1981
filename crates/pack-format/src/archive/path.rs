use crate::{Limits, text::is_bidirectional_control};

/// Why a name is not a path that means the same everywhere.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum InvalidPath {
    #[error("has an empty name")]
    Empty,
    #[error("has a name that is not UTF-8")]
    NotUtf8,
    #[error("has an absolute name; names are relative to the pack's directory")]
    Absolute,
    #[error("has a `..` in its name, which leads out of its directory")]
    Parent,
    #[error("has a `.` or an empty component inside its name")]
    EmptyComponent,
    #[error("has a backslash in its name, which is a separator on Windows; separate by `/`")]
    Backslash,
    #[error("has a drive letter in its name")]
    Drive,
    #[error("has the control character U+{:04X} in its name", u32::from(*.0))]
    Control(char),
    #[error("has the bidirectional control U+{:04X} in its name, which makes it look like another", u32::from(*.0))]
    Bidirectional(char),
    #[error("has a component in its name that begins or ends with a blank; rename it")]
    Blank,
    #[error("has a component in its name that ends with a dot; rename it")]
    TrailingDot,
    #[error(
        "has a component in its name that begins with `.wh.`; container runtimes read such a name as the deletion of \
         another file; rename it"
    )]
    Whiteout,
    #[error("has a name of {bytes} bytes; at most {limit} are allowed (limit `path_bytes`)")]
    TooLong { bytes: usize, limit: usize },
    #[error("has a name of {depth} components; at most {limit} are allowed (limit `path_depth`)")]
    TooDeep { depth: usize, limit: usize },
    #[error("has a component of {bytes} bytes in its name; at most {limit} are allowed (limit `component_bytes`)")]
    ComponentTooLong { bytes: usize, limit: usize },
}

/// The path that a name means, relative to the archive's root: `None` for the root itself, else the name without a
/// leading `./`. A directory's trailing slash is already off.
///
/// # Errors
/// Everything that is wrong with the name.
pub(super) fn parse(name: &[u8], limits: &Limits) -> Result<Option<String>, Vec<InvalidPath>> {
    let Ok(text) = str::from_utf8(name) else { return Err(vec![InvalidPath::NotUtf8]) };
    if text == "." {
        return Ok(None);
    }
    // Only one: what a second one or a slash after it leads to is left to the checks.
    let path = text.strip_prefix("./").filter(|path| !path.starts_with('/')).unwrap_or(text);
    let faults = faults(path, limits);
    if faults.is_empty() { Ok(Some(path.to_owned())) } else { Err(faults) }
}

fn faults(path: &str, limits: &Limits) -> Vec<InvalidPath> {
    if path.is_empty() {
        return vec![InvalidPath::Empty];
    }
    // Nothing else is looked for: an extension header may hold many times what is allowed.
    if path.len() > limits.path_bytes {
        return vec![InvalidPath::TooLong { bytes: path.len(), limit: limits.path_bytes }];
    }
    let mut faults = Vec::new();
    let relative = path.strip_prefix('/').unwrap_or(path);
    if relative.len() < path.len() {
        faults.push(InvalidPath::Absolute);
    }
    let components = relative.split('/');
    let depth = components.clone().count();
    for fault in components.flat_map(|component| component_faults(component, limits)).chain(character_faults(path)) {
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }
    if depth > limits.path_depth {
        faults.push(InvalidPath::TooDeep { depth, limit: limits.path_depth });
    }
    faults
}

fn component_faults(component: &str, limits: &Limits) -> Vec<InvalidPath> {
    match component {
        "" | "." => return vec![InvalidPath::EmptyComponent],
        ".." => return vec![InvalidPath::Parent],
        // What macOS keeps of the attributes of `.` itself; it is dropped later.
        "._." => return Vec::new(),
        _ => {}
    }
    let mut faults = Vec::new();
    // In any component, since the one before it may be a wrapping directory.
    if let [letter, b':', ..] = component.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        faults.push(InvalidPath::Drive);
    }
    if component.trim() != component {
        faults.push(InvalidPath::Blank);
    }
    if component.ends_with('.') {
        faults.push(InvalidPath::TrailingDot);
    }
    // OCI image-spec, layer.md, "Whiteouts".
    if component.starts_with(".wh.") {
        faults.push(InvalidPath::Whiteout);
    }
    if component.len() > limits.component_bytes {
        let bytes = component.len();
        faults.push(InvalidPath::ComponentTooLong { bytes, limit: limits.component_bytes });
    }
    faults
}

fn character_faults(path: &str) -> impl Iterator<Item = InvalidPath> {
    path.chars().filter_map(|char| match char {
        '\\' => Some(InvalidPath::Backslash),
        _ if char.is_control() => Some(InvalidPath::Control(char)),
        _ if is_bidirectional_control(char) => Some(InvalidPath::Bidirectional(char)),
        _ => None,
    })
}
