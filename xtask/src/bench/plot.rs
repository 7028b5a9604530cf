// SPDX-License-Identifier: GPL-2.0

//! Cost over the number of rules, a line for each contestant, both axes logarithmic.
//!
//! Drawn by plotters: it writes SVG by itself. (charming draws more, but through a JavaScript engine.)

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{anyhow, Context, Result};
use ferrule_bench::plan::Peer;
use plotters::prelude::*;

use super::summary::{Entry, Summary};

/// A picture's size.
const SIZE: (u32, u32) = (860, 480);

/// What costs less is drawn there: a logarithm has no zero, and noise may be below it.
const LEAST: f64 = 1.0;

/// A picture: workload, family, traffic.
type Key = (String, String, String);

/// A line's points: rules and nanoseconds.
type Lines = BTreeMap<Peer, Vec<(f64, f64)>>;

/// Draws what was measured in two sizes or more into `directory`; gives the files' names.
///
/// # Errors
///
/// Those of the file system.
pub(crate) fn draw(summary: &Summary, directory: &Path) -> Result<Vec<(Key, String)>> {
    fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
    let mut pictures: BTreeMap<Key, Lines> = BTreeMap::new();
    for entry in &summary.costs {
        if let Some(point) = point(entry) {
            let key = (
                entry.workload.clone(),
                entry.family.clone(),
                entry.traffic.clone(),
            );
            let lines = pictures.entry(key).or_default();
            lines.entry(entry.peer).or_default().push(point);
        }
    }
    pictures.retain(|_, lines| lines.values().any(|points| points.len() > 1));
    let mut files = Vec::new();
    for (key, lines) in pictures {
        let name = format!("{}-{}-{}.svg", key.0, key.1, key.2);
        let title = format!(
            "{} ({}), {}: ns a packet above no filter",
            key.0, key.1, key.2
        );
        let text = picture(&title, &lines)?;
        let file = directory.join(&name);
        fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
        files.push((key, name));
    }
    Ok(files)
}

fn point(entry: &Entry) -> Option<(f64, f64)> {
    let counts = entry.peer != Peer::Baseline && entry.wrong.is_none() && entry.rules > 0;
    let cost = entry.cost.filter(|_| counts)?;
    Some((entry.rules as f64, cost.median.max(LEAST)))
}

fn picture(title: &str, lines: &Lines) -> Result<String> {
    let mut text = String::new();
    let broken = |error: &dyn std::fmt::Display| anyhow!("drawing {title}: {error}");
    {
        let all = || lines.values().flatten();
        let most = |of: fn(&(f64, f64)) -> f64| all().map(of).fold(LEAST, f64::max);
        let (right, top) = (most(|p| p.0) * 1.3, most(|p| p.1) * 2.0);
        let left = all().map(|p| p.0).fold(right, f64::min) / 1.3;
        let bottom = all().map(|p| p.1).fold(top, f64::min) / 2.0;
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(|error| broken(&error))?;
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(36)
            .y_label_area_size(64)
            .build_cartesian_2d((left..right).log_scale(), (bottom..top).log_scale())
            .map_err(|error| broken(&error))?;
        chart
            .configure_mesh()
            .x_desc("rules")
            .y_desc("ns")
            .x_label_formatter(&|x| super::table::number(*x))
            .y_label_formatter(&|y| super::table::number(*y))
            .draw()
            .map_err(|error| broken(&error))?;
        for (peer, points) in lines {
            let colour = colour(*peer);
            let mut points = points.clone();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            let width = if *peer == Peer::Ferrule { 3 } else { 2 };
            let style = colour.stroke_width(width);
            chart
                .draw_series(LineSeries::new(points.iter().copied(), style).point_size(3))
                .map_err(|error| broken(&error))?
                .label(peer.title())
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .draw()
            .map_err(|error| broken(&error))?;
        area.present().map_err(|error| broken(&error))?;
    }
    Ok(text)
}

/// Colours that are told apart by those who see few.
fn colour(peer: Peer) -> RGBColor {
    match peer {
        Peer::Baseline | Peer::Empty => RGBColor(140, 140, 140),
        Peer::Ferrule => RGBColor(213, 94, 0),
        Peer::Nft => RGBColor(0, 114, 178),
        Peer::NftOptimised => RGBColor(86, 180, 233),
        Peer::NftHand => RGBColor(0, 158, 115),
        Peer::Iptables => RGBColor(204, 121, 167),
        Peer::Ipset => RGBColor(230, 159, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::super::summary::tests::entry;
    use super::*;

    #[test]
    fn what_was_measured_in_two_sizes_is_drawn() {
        let place = tempfile::tempdir().unwrap();
        let summary = Summary {
            costs: vec![
                entry("blocklist", 1, Peer::Ferrule, 10.0),
                entry("blocklist", 100, Peer::Ferrule, 12.0),
                entry("blocklist", 100, Peer::Nft, 500.0),
                entry("lonely", 1, Peer::Nft, 5.0),
            ],
            loads: Vec::new(),
        };
        let files = draw(&summary, place.path()).unwrap();
        assert_eq!(files.len(), 1);
        let text = fs::read_to_string(place.path().join(&files[0].1)).unwrap();
        assert!(text.starts_with("<svg"), "{text}");
        assert!(text.contains("nftables as written") && text.contains("Ferrule"));
    }
}
