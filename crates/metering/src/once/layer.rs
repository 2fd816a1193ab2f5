//! The filters of many sealed segments as a few, in memory. Pure.
//!
//! A filter for each segment would be asked for each name, and next to nothing of fifty filters is in the processor's
//! caches: with 50 million names that took longer than all else. So filters with equally many shelves lie in one another,
//! shelf by shelf, and the marks of one shelf of all of them stand side by side: one lookup, and a walk over memory that
//! is in order. Layers grow as segments are sealed, like the digits of a binary number (Bentley and Saxe, "Decomposable
//! searching problems", 1980): each mark is copied about as often as the logarithm of their number says.

use std::sync::Arc;

use super::segment::{Filter, mark, shelf};

/// Most segments of a layer: a shelf of it is some kilobytes.
const MOST: usize = 64;

/// Some segments and their filters, in one another.
#[derive(Debug)]
struct Layer {
    /// The number of each segment and where its shelves begin, as in its own filter.
    segments: Vec<(i64, Arc<[u32]>)>,
    /// Where each shelf begins; one more at the end.
    starts: Arc<[u32]>,
    /// Of each shelf the marks of one segment after the other, each in the order of its segment.
    marks: Vec<u16>,
}

impl Layer {
    fn of(number: i64, filter: Filter) -> Self {
        let (starts, marks) = filter.into_parts();
        let starts: Arc<[u32]> = starts.into();
        Self { segments: vec![(number, Arc::clone(&starts))], starts, marks }
    }

    /// Of several with equally many shelves one.
    fn join(layers: &[Arc<Self>]) -> Self {
        let shelves = layers.first().map_or(0, |layer| layer.shelves());
        let mut starts = Vec::with_capacity(shelves + 1);
        let mut marks = Vec::with_capacity(layers.iter().map(|layer| layer.marks.len()).sum());
        starts.push(0);
        for shelf in 0..shelves {
            layers.iter().for_each(|layer| marks.extend_from_slice(&layer.marks[layer.shelf(shelf)]));
            starts.push(marks.len() as u32);
        }
        let segments = layers.iter().flat_map(|layer| layer.segments.iter().cloned()).collect();
        Self { segments, starts: starts.into(), marks }
    }

    /// Of its segments only these, when one of them is left.
    fn keep(&self, kept: &[i64]) -> Option<Self> {
        let is_kept: Vec<bool> = self.segments.iter().map(|(number, _)| kept.contains(number)).collect();
        let mut marks = Vec::new();
        let mut starts = vec![0];
        for shelf in 0..self.shelves() {
            let pieces = self.pieces(shelf).zip(&is_kept).filter(|(_, kept)| **kept);
            pieces.for_each(|((_, at, many), _)| marks.extend_from_slice(&self.marks[at..at + many]));
            starts.push(marks.len() as u32);
        }
        let segments: Vec<_> = self
            .segments
            .iter()
            .zip(&is_kept)
            .filter(|(_, kept)| **kept)
            .map(|(one, _)| one.clone())
            .collect();
        (!segments.is_empty()).then(|| Self { segments, starts: starts.into(), marks })
    }

    fn shelves(&self) -> usize {
        self.starts.len() - 1
    }

    fn shelf(&self, shelf: usize) -> std::ops::Range<usize> {
        self.starts[shelf] as usize..self.starts[shelf + 1] as usize
    }

    /// Of a shelf each segment's piece: where it begins in the segment, where in this layer, and how many marks it has.
    fn pieces(&self, shelf: usize) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
        let mut at = self.starts[shelf] as usize;
        self.segments.iter().map(move |(_, starts)| {
            let (from, to) = (starts[shelf] as usize, starts[shelf + 1] as usize);
            let piece = (from, at, to - from);
            at += to - from;
            piece
        })
    }

    /// Tell `found` the segments and ranks at which each of these names may stand.
    ///
    /// First all shelves are looked up, then their marks: no lookup decides how the next one goes on, and none waits for
    /// it. All marks of a shelf are compared at once, because nearly always there is none.
    fn find(&self, identities: &[u128], found: &mut impl FnMut(i64, usize)) {
        let shelves: Vec<(usize, std::ops::Range<usize>)> = identities
            .iter()
            .map(|identity| {
                let shelf = shelf(*identity, self.shelves());
                (shelf, self.shelf(shelf))
            })
            .collect();
        for (identity, (shelf, range)) in identities.iter().zip(shelves) {
            let wanted = mark(*identity);
            if self.marks[range].iter().fold(false, |any, mark| any | (*mark == wanted)) {
                self.ranks(shelf, wanted, found);
            }
        }
    }

    fn ranks(&self, shelf: usize, wanted: u16, found: &mut impl FnMut(i64, usize)) {
        for ((from, at, many), (number, _)) in self.pieces(shelf).zip(&self.segments) {
            let marks = (from..).zip(&self.marks[at..at + many]);
            marks.filter(|(_, mark)| **mark == wanted).for_each(|(rank, _)| found(*number, rank));
        }
    }
}

/// Whether a layer may be joined with these, which fit together.
fn fits(layers: &[Arc<Layer>], one: &Layer) -> bool {
    let sum = |of: fn(&Layer) -> usize| layers.iter().map(|layer| of(layer)).sum::<usize>() + of(one);
    layers.first().is_some_and(|first| first.shelves() == one.shelves())
        && sum(|layer| layer.segments.len()) <= MOST
        && u32::try_from(sum(|layer| layer.marks.len())).is_ok()
}

/// All sealed segments: which names may be in which, and where. A copy costs next to nothing.
#[derive(Clone, Debug, Default)]
pub struct Layers(Vec<Arc<Layer>>);

impl Layers {
    /// Of all these segments.
    pub fn of(segments: impl IntoIterator<Item = (i64, Filter)>) -> Self {
        let mut groups: Vec<Vec<Arc<Layer>>> = Vec::new();
        for (number, filter) in segments {
            let layer = Arc::new(Layer::of(number, filter));
            match groups.iter_mut().find(|group| fits(group, &layer)) {
                Some(group) => group.push(layer),
                None => groups.push(vec![layer]),
            }
        }
        Self(groups.into_iter().map(|group| Layer::join(&group).into()).collect())
    }

    /// With one more segment. Takes as long as copying what is joined.
    pub fn with(&self, number: i64, filter: Filter) -> Self {
        let mut layers = self.0.clone();
        let mut last = Arc::new(Layer::of(number, filter));
        let joins = |before: &Arc<Layer>, last: &Layer| {
            before.segments.len() <= last.segments.len() && fits(std::slice::from_ref(before), last)
        };
        while let Some(before) = layers.pop_if(|before| joins(before, &last)) {
            last = Layer::join(&[before, last]).into();
        }
        layers.push(last);
        Self(layers)
    }

    /// With these segments alone: others were let go of.
    pub fn keep(&self, kept: &[i64]) -> Self {
        let whole = |layer: &Layer| layer.segments.iter().all(|(number, _)| kept.contains(number));
        let keep = |layer: &Arc<Layer>| {
            if whole(layer) { Some(Arc::clone(layer)) } else { layer.keep(kept).map(Arc::new) }
        };
        Self(self.0.iter().filter_map(keep).collect())
    }

    /// Tell `found` the segments and ranks at which each of these names may stand.
    pub fn find(&self, identities: &[u128], mut found: impl FnMut(i64, usize)) {
        self.0.iter().for_each(|layer| layer.find(identities, &mut found));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Segments of names, each name once.
    fn segments() -> impl Strategy<Value = Vec<Vec<u128>>> {
        let name = prop_oneof![any::<u128>(), (0_u128..50).prop_map(|leading| leading << 120)];
        prop::collection::btree_map(name, 0_usize..6, 0..400).prop_map(|names| {
            let mut segments = vec![Vec::new(); 6];
            names.into_iter().for_each(|(name, segment)| segments[segment].push(name));
            segments
        })
    }

    fn filter(names: &[u128]) -> Filter {
        Filter::over(names.iter().copied())
    }

    fn found(layers: &Layers, names: &[u128]) -> Vec<(i64, usize)> {
        let mut found = Vec::new();
        layers.find(names, |segment, rank| found.push((segment, rank)));
        found.sort_unstable();
        found
    }

    /// What filters of single segments say, one after the other.
    fn expected(segments: &[(i64, &Vec<u128>)], asked: &[u128]) -> Vec<(i64, usize)> {
        let mut expected = Vec::new();
        for (number, names) in segments {
            let shelves = filter(names).into_parts().0.len() - 1;
            for asked in asked {
                let alike = |name: &u128| {
                    mark(*name) == mark(*asked) && shelf(*name, shelves) == shelf(*asked, shelves)
                };
                let ranks = names.iter().enumerate().filter(|(_, name)| alike(name));
                expected.extend(ranks.map(|(rank, _)| (*number, rank)));
            }
        }
        expected.sort_unstable();
        expected
    }

    proptest! {
        #[test]
        fn layers_say_what_the_filters_of_their_segments_say(
            segments in segments(),
            at_start in 0_usize..6,
            dropped: [bool; 6],
            strangers: Vec<u128>,
        ) {
            let numbered: Vec<(i64, &Vec<u128>)> = (1..).zip(&segments).collect();
            let (first, later) = numbered.split_at(at_start);
            let mut layers = Layers::of(first.iter().map(|(number, names)| (*number, filter(names))));
            for (number, names) in later {
                layers = layers.with(*number, filter(names));
            }
            let mut asked = [segments.concat(), strangers].concat();
            prop_assert_eq!(found(&layers, &asked), expected(&numbered, &asked));

            let kept: Vec<_> = numbered.iter().zip(dropped).filter(|(_, dropped)| !dropped).map(|(one, _)| *one).collect();
            let numbers: Vec<i64> = kept.iter().map(|(number, _)| *number).collect();
            asked.reverse();
            let layers = layers.keep(&numbers);
            prop_assert_eq!(found(&layers, &asked), expected(&kept, &asked));
            let layers = layers.with(7, filter(&segments[0]));
            let with = [kept, vec![(7, &segments[0])]].concat();
            prop_assert_eq!(found(&layers, &asked), expected(&with, &asked));
        }
    }

    #[test]
    fn so_many_segments_are_few_layers() {
        let names: Vec<u128> = (0..100).map(|name| name << 120 | name).collect();
        let mut layers = Layers::default();
        for number in 0..1_000 {
            layers = layers.with(number, filter(&names));
        }
        assert!(layers.0.len() <= 1_000 / MOST + 6, "{}", layers.0.len());
        assert_eq!(found(&layers, &names[..1]).len(), 1_000);
        assert_eq!(Layers::of((0..1_000).map(|number| (number, filter(&names)))).0.len(), 16);
    }
}
