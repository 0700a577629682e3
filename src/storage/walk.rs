//! The order in which a request asks the generations of databases.
//!
//! It owns the protocol that keeps a name in one row although names spread over generations. It must not know SQL, nor
//! how a database is reached: the caller carries out each [`Step`] and tells the walk its outcome. So an exhaustive
//! model can drive the same code as the Worker (`tests/model/`).
//!
//! A request has one database in each generation, its home there. `make freeze` sets a fence in each database of a
//! generation, and from then on the database refuses every insert. The request walks through its homes from the first
//! generation to the last. A home that is frozen and does not have the row is left behind for good, because no row can
//! come into it any more. The first home that is not frozen takes the insert. If that home refuses the insert, because
//! it was frozen meanwhile, the walk searches it and goes on.

use std::cell::Cell;

/// The fence of a database, as far as this isolate knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fence {
    /// The isolate has not seen it.
    Unknown,
    /// The database took inserts when it was last asked.
    Open,
    /// The database refuses inserts, for good.
    Frozen,
}

/// The next thing to do for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Search the home in this generation for the row.
    Search(usize),
    /// Insert the row into the home in this generation.
    Insert(usize),
    /// Every generation is frozen and lacks the row, or the walk has used up its steps.
    GiveUp,
}

/// The database that answered a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The one that takes the writes.
    Primary,
    /// A copy that may lag behind.
    Replica,
}

impl Source {
    /// Whether a row that a search found is there. A copy may still have a row that was deleted, so a walk does not
    /// believe it, and its next step is the same.
    #[must_use]
    pub fn proves_a_row(self) -> bool {
        self == Self::Primary
    }
}

/// How many steps a walk may take, for each of its generations; all generations share them. A generation needs at most
/// three: an insert that is refused, a search of a copy, and a search of the database itself.
const STEPS: usize = 4;

/// A request on its way through its homes.
pub struct Walk<'a> {
    /// The fence of the request's home in each generation.
    fences: Vec<&'a Cell<Fence>>,
    /// How far the walk has come. It can be set, because the model puts each walk back where it was.
    pub position: Position,
}

/// How far a walk has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// All generations before this one are frozen, and do not have the row.
    at: usize,
    steps_left: usize,
}

impl<'a> Walk<'a> {
    /// Takes the fence of the request's home in each generation, the first generation first.
    #[must_use]
    pub fn new(fences: Vec<&'a Cell<Fence>>) -> Self {
        let steps_left = fences.len().saturating_mul(STEPS);
        Self { fences, position: Position { at: 0, steps_left } }
    }

    /// The generations that will be searched, as far as the isolate knows. These searches may begin together, before
    /// the walk asks for them.
    pub fn expected(&self) -> impl Iterator<Item = usize> {
        (0..self.fences.len()).take_while(|&generation| self.must_search(generation))
    }

    /// The next step.
    #[must_use]
    pub fn step(&self) -> Step {
        if self.position.at >= self.fences.len() || self.position.steps_left == 0 {
            Step::GiveUp
        } else if self.must_search(self.position.at) {
            Step::Search(self.position.at)
        } else {
            Step::Insert(self.position.at)
        }
    }

    /// The search of [`Step::Search`] did not find the row. `is_frozen` is the fence as the same search saw it.
    ///
    /// A search that saw the fence saw every row that was inserted before the freeze, also in a copy that lags behind:
    /// a copy has all changes in the order of the database itself. A search that did not see the fence proves nothing.
    pub fn found_nothing(&mut self, is_frozen: bool, source: Source) {
        self.count();
        let Some(fence) = self.fences.get(self.position.at) else { return };
        if is_frozen {
            fence.set(Fence::Frozen);
            self.position.at = self.position.at.saturating_add(1);
        } else if source == Source::Primary || fence.get() == Fence::Unknown {
            fence.set(Fence::Open);
        }
    }

    /// The database refused the insert of [`Step::Insert`], because it is frozen.
    pub fn was_refused(&mut self) {
        self.count();
        if let Some(fence) = self.fences.get(self.position.at) {
            fence.set(Fence::Frozen);
        }
    }

    fn count(&mut self) {
        self.position.steps_left = self.position.steps_left.saturating_sub(1);
    }

    /// Before a generation is seen, all but the last one are searched: a service grows long before it freezes.
    fn must_search(&self, generation: usize) -> bool {
        let is_last = generation.saturating_add(1) == self.fences.len();
        match self.fences.get(generation).map(|fence| fence.get()) {
            Some(Fence::Frozen) => true,
            Some(Fence::Unknown) => !is_last,
            Some(Fence::Open) | None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells<const N: usize>(fences: [Fence; N]) -> [Cell<Fence>; N] {
        fences.map(Cell::new)
    }

    fn walk(fences: &[Cell<Fence>]) -> Walk<'_> {
        Walk::new(fences.iter().collect())
    }

    #[test]
    fn one_generation_takes_the_insert_at_once() {
        let fences = cells([Fence::Unknown]);
        let walk = walk(&fences);
        assert_eq!(walk.step(), Step::Insert(0));
        assert_eq!(walk.expected().count(), 0);
    }

    #[test]
    fn frozen_generations_are_searched_before_the_first_open_one_takes_the_insert() {
        let fences = cells([Fence::Frozen, Fence::Frozen, Fence::Open, Fence::Unknown]);
        let mut walk = walk(&fences);
        assert_eq!(walk.expected().collect::<Vec<_>>(), [0, 1]);
        for generation in [0, 1] {
            assert_eq!(walk.step(), Step::Search(generation));
            walk.found_nothing(true, Source::Replica);
        }
        assert_eq!(walk.step(), Step::Insert(2));
    }

    #[test]
    fn unknown_generations_are_searched_except_the_last() {
        let fences = cells([Fence::Unknown; 3]);
        let mut walk = walk(&fences);
        assert_eq!(walk.expected().collect::<Vec<_>>(), [0, 1]);
        walk.found_nothing(true, Source::Replica);
        assert_eq!((walk.step(), fences[0].get()), (Step::Search(1), Fence::Frozen));
        walk.found_nothing(false, Source::Replica);
        assert_eq!((walk.step(), fences[1].get()), (Step::Insert(1), Fence::Open));
        assert_eq!(fences[2].get(), Fence::Unknown);
    }

    #[test]
    fn a_database_that_was_frozen_meanwhile_is_searched_and_left_behind() {
        let fences = cells([Fence::Open, Fence::Unknown]);
        let mut walk = walk(&fences);
        assert_eq!(walk.step(), Step::Insert(0));
        walk.was_refused();
        assert_eq!(walk.step(), Step::Search(0));
        walk.found_nothing(true, Source::Primary);
        assert_eq!(walk.step(), Step::Insert(1));
    }

    #[test]
    fn a_copy_that_lags_behind_is_not_believed() {
        let fences = cells([Fence::Frozen, Fence::Open]);
        let mut walk = walk(&fences);
        walk.found_nothing(false, Source::Replica);
        assert_eq!((walk.step(), fences[0].get()), (Step::Search(0), Fence::Frozen));
        walk.found_nothing(true, Source::Primary);
        assert_eq!(walk.step(), Step::Insert(1));
        assert!(!Source::Replica.proves_a_row());
        assert!(Source::Primary.proves_a_row());
    }

    #[test]
    fn a_database_that_was_restored_to_before_its_freeze_takes_inserts_again() {
        let fences = cells([Fence::Frozen, Fence::Open]);
        let mut walk = walk(&fences);
        walk.found_nothing(false, Source::Primary);
        assert_eq!((walk.step(), fences[0].get()), (Step::Insert(0), Fence::Open));
    }

    #[test]
    fn without_an_open_generation_it_gives_up() {
        let fences = cells([Fence::Unknown]);
        let mut walk = walk(&fences);
        walk.was_refused();
        assert_eq!(walk.step(), Step::Search(0));
        walk.found_nothing(true, Source::Primary);
        assert_eq!(walk.step(), Step::GiveUp);
        walk.found_nothing(true, Source::Primary);
        assert_eq!(walk.step(), Step::GiveUp);
    }

    #[test]
    fn a_walk_ends_whatever_it_is_told() {
        let fences = cells([Fence::Unknown; 3]);
        let mut walk = walk(&fences);
        for _ in 0..12 {
            assert_ne!(walk.step(), Step::GiveUp);
            walk.was_refused();
        }
        assert_eq!(walk.step(), Step::GiveUp);
    }
}
