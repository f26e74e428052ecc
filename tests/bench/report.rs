//! The table of figures.

use std::fmt;

use decnet::logic::table::Table;

/// Figures, in the order in which they were measured.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<[String; 5]>,
}

impl Report {
    /// Adds a figure, with what it must be and aims at.
    pub(crate) fn add(&mut self, what: &str, figure: String, must: &str, aim: &str, peer: &str) {
        eprintln!("    {what}: {figure}");
        self.rows.push([what, &figure, must, aim, peer].map(str::to_owned));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["| what", "| measured", "| must", "| aim", "| beside it"]);
        table.row(["|---", "|---", "|---", "|---", "|---"].map(str::to_owned));
        for row in &self.rows {
            table.row(row.clone().map(|cell| format!("| {cell}")));
        }
        write!(f, "{table}")
    }
}

/// The one in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
