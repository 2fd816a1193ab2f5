//! The filters of many sealed segments as a few, in memory. Pure.
//!
//! A filter for each segment would be asked for each name, and next to nothing of fifty filters is in the processor's
//! caches: with 50 million names that took longer than all else. So filters with equally many shelves lie in one another.
//! The more segments a layer has, the finer its shelves are parted: into boxes by the leading bits of the marks. The bits
//! that the box says are free in the mark, and say of which segment it is (quotienting: Knuth, "The Art of Computer
//! Programming", vol. 3, 6.4, exercise 13). So a name is looked for in about twelve marks, however many segments there
//! are, in the memory their own filters would take.
//!
//! Layers grow as segments are sealed, like the digits of a binary number (Bentley and Saxe, "Decomposable searching
//! problems", 1980): each mark is copied about as often as the logarithm of their number says.

use std::{ops::Range, sync::Arc};

use super::segment::{Filter, PAGE, mark, shelf};

/// Most segments of a layer: ten of a mark's sixteen bits are left when there are so many.
const MOST: usize = 64;

/// Some segments and their filters, in one another.
#[derive(Debug)]
struct Layer {
    segments: Vec<Segment>,
    /// How many shelves each segment has.
    shelves: usize,
    /// Into how many boxes a shelf is parted, as a power of two.
    bits: u32,
    /// Where each box begins, shelf after shelf; one more at the end.
    starts: Vec<u32>,
    /// Of each box the marks without the bits that the box says; in these places, the last ones, stands the segment.
    marks: Vec<u16>,
}

/// A segment of a layer.
#[derive(Clone, Debug)]
struct Segment {
    number: i64,
    /// The shelf in which each of its pages begins.
    pages: Arc<[u32]>,
}

impl Segment {
    fn of(number: i64, starts: &[u32], names: usize) -> Self {
        let shelf_of = |page: usize| starts.partition_point(|start| *start as usize <= page * PAGE) - 1;
        Self { number, pages: (0..names.div_ceil(PAGE)).map(|page| shelf_of(page) as u32).collect() }
    }

    /// The pages that names of a shelf are in: mostly one.
    fn pages_of(&self, shelf: usize) -> Range<usize> {
        let begin =
            |after: &dyn Fn(usize) -> bool| self.pages.partition_point(|first| after(*first as usize));
        begin(&|first| first < shelf).saturating_sub(1)..begin(&|first| first <= shelf)
    }
}

impl Layer {
    fn of(number: i64, filter: Filter) -> Self {
        let (starts, marks) = filter.into_parts();
        let segments = vec![Segment::of(number, &starts, marks.len())];
        Self { segments, shelves: starts.len() - 1, bits: 0, starts, marks }
    }

    /// Of several with equally many shelves one, with those of their segments that are kept.
    fn join(layers: &[Arc<Self>], kept: impl Fn(&Segment) -> bool) -> Self {
        let mut segments = Vec::new();
        // Where the segments of each layer have come to.
        let mut parts: Vec<(&Self, Vec<Option<u16>>)> = Vec::with_capacity(layers.len());
        for layer in layers {
            let mut place = |segment: &Segment| {
                kept(segment).then(|| {
                    segments.push(segment.clone());
                    (segments.len() - 1) as u16
                })
            };
            parts.push((layer, layer.segments.iter().map(&mut place).collect()));
        }
        let shelves = layers.first().map_or(0, |layer| layer.shelves);
        let bits = segments.len().next_power_of_two().trailing_zeros();
        let mut joined = Self { segments, shelves, bits, starts: vec![0], marks: Vec::new() };
        joined.starts.reserve_exact(shelves << bits);
        joined.marks.reserve_exact(layers.iter().map(|layer| layer.marks.len()).sum());
        let mut together = Vec::new();
        for shelf in 0..shelves {
            for (layer, places) in &parts {
                let kept = layer.of_shelf(shelf).filter_map(|(mark, segment)| Some((mark, places[segment]?)));
                together.extend(kept);
            }
            joined.add_shelf(&together);
            together.clear();
        }
        joined
    }

    /// The next shelf: whole marks, and the places of their segments. Each is put into its box, behind those before it.
    fn add_shelf(&mut self, marks: &[(u16, u16)]) {
        let mut ends = [0_u32; MOST];
        let box_of = |mark: u16| (u32::from(mark) << self.bits >> 16) as usize;
        marks.iter().for_each(|(mark, _)| ends[box_of(*mark)] += 1);
        let mut at = self.marks.len() as u32;
        for end in &mut ends[..1 << self.bits] {
            let begin = at;
            at += *end;
            self.starts.push(at);
            *end = begin;
        }
        self.marks.resize(at as usize, 0);
        for (mark, segment) in marks {
            let end = &mut ends[box_of(*mark)];
            self.marks[*end as usize] = self.rest(*mark) | *segment;
            *end += 1;
        }
    }

    /// What is kept of a mark: the bits its box does not say.
    const fn rest(&self, mark: u16) -> u16 {
        ((mark as u32) << self.bits) as u16
    }

    /// The marks of a shelf as they were before they were put into boxes, with the places of their segments.
    fn of_shelf(&self, shelf: usize) -> impl Iterator<Item = (u16, usize)> + '_ {
        (0..1_usize << self.bits).flat_map(move |leading| {
            let kept = &self.marks[self.range((shelf << self.bits) + leading)];
            kept.iter().map(move |kept| {
                let whole = ((leading as u32) << 16 | u32::from(*kept)) >> self.bits;
                (whole as u16, self.segment(*kept))
            })
        })
    }

    const fn segment(&self, kept: u16) -> usize {
        kept as usize & ((1 << self.bits) - 1)
    }

    fn range(&self, place: usize) -> Range<usize> {
        self.starts[place] as usize..self.starts[place + 1] as usize
    }

    /// Tell `found` the pages of segments in which each of these names may stand.
    ///
    /// First all boxes are looked up, then their marks: no lookup decides how the next one goes on, and none waits for it.
    /// All marks of a box are compared at once, because nearly always there is none.
    fn find(&self, identities: &[u128], found: &mut impl FnMut(i64, usize, u128)) {
        let boxes: Vec<Range<usize>> = identities
            .iter()
            .map(|identity| {
                let leading = (u32::from(mark(*identity)) << self.bits >> 16) as usize;
                self.range((shelf(*identity, self.shelves) << self.bits) + leading)
            })
            .collect();
        for (identity, range) in identities.iter().zip(boxes) {
            let wanted = self.rest(mark(*identity));
            let is_it = |kept: u16| u32::from(kept ^ wanted) >> self.bits == 0;
            if self.marks[range.clone()].iter().fold(false, |any, kept| any | is_it(*kept)) {
                for kept in self.marks[range].iter().filter(|kept| is_it(**kept)) {
                    let segment = &self.segments[self.segment(*kept)];
                    let pages = segment.pages_of(shelf(*identity, self.shelves));
                    pages.for_each(|page| found(segment.number, page, *identity));
                }
            }
        }
    }
}

/// Whether a layer may be joined with these, which fit together.
fn fits(layers: &[Arc<Layer>], one: &Layer) -> bool {
    let sum = |of: fn(&Layer) -> usize| layers.iter().map(|layer| of(layer)).sum::<usize>() + of(one);
    layers.first().is_some_and(|first| first.shelves == one.shelves)
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
        Self(groups.into_iter().map(|group| Layer::join(&group, |_| true).into()).collect())
    }

    /// With one more segment. Takes as long as copying what is joined.
    pub fn with(&self, number: i64, filter: Filter) -> Self {
        let mut layers = self.0.clone();
        let mut last = Arc::new(Layer::of(number, filter));
        let joins = |before: &Arc<Layer>, last: &Layer| {
            before.segments.len() <= last.segments.len() && fits(std::slice::from_ref(before), last)
        };
        while let Some(before) = layers.pop_if(|before| joins(before, &last)) {
            last = Layer::join(&[before, last], |_| true).into();
        }
        layers.push(last);
        Self(layers)
    }

    /// With these segments alone: others were let go of.
    pub fn keep(&self, numbers: &[i64]) -> Self {
        let is_kept = |segment: &Segment| numbers.contains(&segment.number);
        let keep = |layer: &Arc<Layer>| match layer.segments.iter().filter(|one| is_kept(one)).count() {
            0 => None,
            all if all == layer.segments.len() => Some(Arc::clone(layer)),
            _ => Some(Layer::join(std::slice::from_ref(layer), is_kept).into()),
        };
        Self(self.0.iter().filter_map(keep).collect())
    }

    /// Tell `found` the pages of segments in which each of these names may stand.
    pub fn find(&self, identities: &[u128], mut found: impl FnMut(i64, usize, u128)) {
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

    /// Segment, page and name.
    type Found = (i64, usize, u128);

    fn found(layers: &Layers, names: &[u128]) -> Vec<Found> {
        let mut found = Vec::new();
        layers.find(names, |segment, page, name| found.push((segment, page, name)));
        found.sort_unstable();
        found
    }

    /// What filters of single segments of one page say, one after the other.
    fn expected(segments: &[(i64, &Vec<u128>)], asked: &[u128]) -> Vec<Found> {
        let mut expected = Vec::new();
        for (number, names) in segments {
            let shelves = filter(names).into_parts().0.len() - 1;
            for asked in asked {
                let alike = |name: &&u128| {
                    mark(**name) == mark(*asked) && shelf(**name, shelves) == shelf(*asked, shelves)
                };
                expected.extend(names.iter().filter(alike).map(|_| (*number, 0, *asked)));
            }
        }
        expected.sort_unstable();
        expected
    }

    proptest! {
        #[test]
        fn layers_say_what_the_filters_of_their_segments_say(
            segments in segments().prop_filter("one page", |all| all.iter().all(|names| names.len() <= PAGE)),
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

        #[test]
        fn a_name_is_in_a_page_that_was_found_and_few_others_were(
            seeds in prop::collection::vec(any::<u64>(), 1..=MOST),
            names in 1_u128..1_500,
        ) {
            // Names that are spread like fingerprints, and cost less.
            let spread = |seed: u64, n: u128| {
                let mixed = |x: u128| (x ^ x >> 61).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
                mixed(mixed(mixed(u128::from(seed) << 64 | n))).rotate_left(64)
            };
            let segment = |seed: &u64| -> Vec<u128> {
                let mut names: Vec<u128> = (0..names).map(|n| spread(*seed, n)).collect();
                names.sort_unstable();
                names
            };
            let segments: Vec<Vec<u128>> = seeds.iter().map(segment).collect();
            let layers = Layers::of((0..).zip(&segments).map(|(number, names)| (number, filter(names))));
            prop_assert_eq!(layers.0.len(), 1);
            for (number, names) in (0..).zip(&segments) {
                let found = found(&layers, names);
                for (rank, name) in names.iter().enumerate() {
                    prop_assert!(found.binary_search(&(number, rank / PAGE, *name)).is_ok(), "{rank} of {}", names.len());
                }
            }
            let strangers: Vec<u128> = (0..1_000).map(|n| spread(!seeds[0], n + names)).collect();
            let astray = found(&layers, &strangers).len();
            prop_assert!(astray < 60, "{astray} of 1,000");
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
