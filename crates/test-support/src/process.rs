//! Reads the CPU time of processes from `/proc` (proc(5)).

use std::{fs, io, process::Command, str::FromStr, time::Duration};

/// Returns the CPU time that a process and its descendants have used. A descendant that is still running counts only if
/// the main thread of its parent process started it.
pub fn cpu_time(process: u32) -> io::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field is the program's name in parentheses. The name itself may contain spaces and parentheses.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    // utime, stime, cutime and cstime. The last two are for children that have exited and been waited for.
    let ticks: u32 = fields[11..15].iter().map(|field| number::<u32>(field)).sum::<io::Result<u32>>()?;
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"))?;
    let children: io::Result<Vec<Duration>> =
        children.split_whitespace().map(|child| cpu_time(number(child)?)).collect();
    Ok(Duration::from_secs(1) * ticks / ticks_per_second()? + children?.into_iter().sum::<Duration>())
}

fn ticks_per_second() -> io::Result<u32> {
    let printed = Command::new("getconf").arg("CLK_TCK").output()?.stdout;
    number(String::from_utf8_lossy(&printed).trim())
}

fn number<T: FromStr>(text: &str) -> io::Result<T> {
    text.parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, text.to_owned()))
}
