//! Measures how the cost of requests and of requeue depends on the number of packs in the DynamoDB table. Prints the
//! results as a Markdown table.
//!
//! The packs are in the embedded DynamoDB of `local`, which reports the capacity that each call consumes. Half of the
//! packs belong to the caller's org and have a pending build that is not due; the other half are community packs of
//! another org. Each request is sent as an API Gateway event.

mod fill;
mod service;

use std::{error::Error, time::Duration};

use clap::Parser;
use test_support::Usage;

use self::{
    fill::Original,
    service::{Cost, Service},
};

/// Measure requests and requeue on tables of different sizes.
#[derive(Parser)]
struct Arguments {
    /// Numbers of pending builds, separated by commas. A table also contains as many community packs.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 10_000, 100_000])]
    sizes: Vec<usize>,
    /// Ignored. Cargo passes it to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// How many times each operation is measured.
const REPEATS: usize = 9;
/// The number of builds that are due in a run of requeue.
const DUE: usize = 10;
/// The row name and the query string of each list request.
const LISTS: [(&str, &str); 5] = [
    ("list, 50 packs", "limit=50"),
    ("list by name, 50 packs", "limit=50&name=scale"),
    ("list by name and version", "name=scale&version=0.0.7"),
    ("list by an absent name", "name=absent"),
    ("list of community packs, 50 packs", "limit=50&owned=false"),
];

/// The median cost of an operation at each table size.
struct Row {
    name: String,
    costs: Vec<Cost>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { sizes, .. } = Arguments::parse();
    let mut rows: Vec<Row> = Vec::new();
    for &size in &sizes {
        for (index, (name, cost)) in measure(size).await?.into_iter().enumerate() {
            match rows.get_mut(index) {
                Some(row) => row.costs.push(cost),
                None => rows.push(Row { name, costs: vec![cost] }),
            }
        }
    }
    print(&sizes, &rows);
    Ok(())
}

/// Returns the cost of each operation on a table of this size.
async fn measure(size: usize) -> Result<Vec<(String, Cost)>, Box<dyn Error>> {
    let service = Service::start().await?;
    let pending = Original::pending(&service, "scale").await?;
    Original::community(&service, "scale").await?.copy(0..size)?;
    pending.copy(0..size)?;

    let mut costs = Vec::new();
    for (name, query) in LISTS {
        let mut repeats = Vec::new();
        for _ in 0..REPEATS {
            repeats.push(service.list(query).await?);
        }
        costs.push((name.to_owned(), median(repeats)?));
    }
    let mut repeats = Vec::new();
    for number in 0..REPEATS {
        repeats.push(service.upload("acme", "org", "scale", &format!("1.0.{number}")).await?.0);
    }
    costs.push(("upload".to_owned(), median(repeats)?));
    let mut repeats = Vec::new();
    for repeat in 0..REPEATS {
        let first = size + repeat * DUE;
        pending.copy_as_due(first..first + DUE)?;
        repeats.push(service.sweep(DUE).await?);
    }
    costs.push((format!("requeue, {DUE} builds due"), median(repeats)?));
    Ok(costs)
}

/// Returns the median time of the measurements, with their usage.
///
/// # Errors
/// Returns an error unless all measurements have the same usage.
fn median(mut costs: Vec<Cost>) -> Result<Cost, Box<dyn Error>> {
    costs.sort_unstable_by_key(|cost| cost.time);
    match costs.iter().find(|cost| cost.usage != costs[0].usage) {
        Some(other) => Err(format!("the same operation used {:?} and {:?}", costs[0].usage, other.usage).into()),
        None => Ok(costs[costs.len() / 2]),
    }
}

/// Prints a Markdown table. A usage cell contains the value for each size, in order. Consecutive equal values appear
/// once.
fn print(sizes: &[usize], rows: &[Row]) {
    println!("\nWith {sizes:?} pending builds and as many community packs:\n");
    println!("| | calls | read units | write units | time | compared with the smallest table |");
    println!("|---|---|---|---|---|---|");
    for Row { name, costs } in rows {
        let usage = |value: fn(&Usage) -> f64| {
            let mut values: Vec<String> = costs.iter().map(|cost| value(&cost.usage).to_string()).collect();
            values.dedup();
            values.join(", ")
        };
        let first = costs[0].time;
        let ratios = costs[1..].iter().map(|cost| format!("{:.2}", cost.time.as_secs_f64() / first.as_secs_f64()));
        println!(
            "| {name} | {} | {} | {} | {:.1} ms | {} |",
            usage(|usage| usage.calls as f64),
            usage(|usage| usage.read_units),
            usage(|usage| usage.write_units),
            milliseconds(first),
            ratios.collect::<Vec<_>>().join(", "),
        );
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
