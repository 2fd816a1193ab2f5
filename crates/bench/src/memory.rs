//! What a process holds of the machine's memory, and has used of its processors.

use kernel::Result;

use crate::ground::raw;

/// Let the peak be what is held now.
pub fn forget_peak() -> Result<()> {
    std::fs::write("/proc/self/clear_refs", "5").map_err(raw)
}

/// The most that was held since, in megabytes.
pub fn peak_megabytes() -> Result<f64> {
    of_process("self", "VmHWM:")
}

/// What a process holds now, in megabytes.
pub fn resident_megabytes(process: u32) -> Result<f64> {
    of_process(&process.to_string(), "VmRSS:")
}

fn of_process(process: &str, field: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).map_err(raw)?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or("0");
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().map_err(raw)?;
    Ok(kilobytes / 1_024.0)
}

/// CPU a process (`self`, or its number) has used, in seconds: on a busy machine it tells more than the clock.
pub fn cpu_seconds(process: &str) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).map_err(raw)?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    // User and system time, in hundredths of a second.
    Ok((ticks(11) + ticks(12)) / 100.0)
}
