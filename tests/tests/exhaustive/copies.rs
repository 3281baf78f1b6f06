//! A copy of a dataset of two objects, and two who go on with it: what lies at its place in the end, and what does it say?
//!
//! Modelled: a page of one object at a time, decided, listed, begun, copied and written down, and the comparison at the end; crashes between any two of
//! these, and the end of the time that whoever took it has, so that the other takes it while the first is still about something; somebody else who puts
//! an object where the copy goes; a change of the first of the original's; the end of the right to it; cancelling. Not modelled: several objects of one page at the same
//! time, tries that the store asks for, and an object of somebody else's that is the same as the original's, which nobody could tell.

use crate::{Search, Steps};

/// How often whoever goes on with it crashes: the end of that one's time is another way to lose it.
const CRASHES: usize = 1;
const OBJECTS: usize = 2;

/// A way of going on with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// The product: up to which object it goes is written down before it is copied; each write on the version that was read; an object goes over nothing
    /// and is the original as it was listed; both sides are compared before it ends.
    Product,
    /// Nobody writes down beforehand up to where it goes.
    NotBegun,
    /// What lies there already is taken for the copy's.
    TakesWhatIsThere,
    /// An object goes over what is there.
    GoesOver,
    /// It ends once all were copied.
    NotCompared,
    /// What whoever goes on with it writes goes over whatever was written since.
    Unversioned,
}

/// What lies at a key: an original as it was then, or something of somebody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Object {
    Copied(usize),
    Foreign,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum State {
    UnderWay,
    Done,
    /// By what the end is told: something of somebody else's, or a changed original.
    Failed,
    /// The right to it ended.
    Denied,
    Cancelled,
}

/// The copy's item, and with it, by the same writes, the dataset that it becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Row {
    state: State,
    /// Whether somebody has it, and that one's time is not over.
    is_held: bool,
    /// How many objects are behind.
    behind: usize,
    /// Up to how many objects may be there.
    begun: usize,
}

/// One who goes on with it: what was read of it, and how far that one is with the next object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Worker {
    Idle,
    Has(Row),
    /// Listed the original's object as it was then, and whether something is at its place.
    Listed(Row, usize, bool),
    /// Wrote down that it goes up to this one. What was there before may be of a try before, or may not.
    Begun(Row, usize, bool, bool),
    /// The object is there.
    Copied(Row),
    /// It cannot be gone on with.
    Stopped(Row, State),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    row: Row,
    workers: [Worker; 2],
    /// Whether something was written since each of them read.
    stale: [bool; 2],
    original: [usize; OBJECTS],
    there: [Option<Object>; OBJECTS],
    may: bool,
    crashes: usize,
    /// Whether somebody else put something there, or went over it was.
    foreign: bool,
    gone_over: bool,
    /// How the originals were when it was done.
    done_of: Option<[usize; OBJECTS]>,
    /// Whether it ended twice.
    ended_again: bool,
}

#[derive(Debug, Clone, Copy)]
#[expect(dead_code, reason = "what is in a step is read by whoever reads the way to a broken promise")]
enum Step {
    Take(usize),
    Look(usize),
    Begin(usize),
    Copy(usize),
    WriteDown(usize),
    Compare(usize),
    Stop(usize),
    Crash(usize),
    TimeIsOver,
    SomebodyElsePuts(usize),
    OriginalChanges,
    RightEnds,
    Cancel,
}

impl World {
    fn new() -> Self {
        Self {
            row: Row { state: State::UnderWay, is_held: false, behind: 0, begun: 0 },
            workers: [Worker::Idle; 2],
            stale: [false; 2],
            original: [0; OBJECTS],
            there: [None; OBJECTS],
            may: true,
            crashes: 0,
            foreign: false,
            gone_over: false,
            done_of: None,
            ended_again: false,
        }
    }

    fn steps(&self, style: Style) -> Steps<Step, Self> {
        let mut steps = self.of_others();
        for at in 0..self.workers.len() {
            steps.extend(self.of_worker(style, at));
            if self.workers[at] != Worker::Idle && self.crashes < CRASHES {
                let mut crashed = self.now(at, Worker::Idle);
                crashed.crashes += 1;
                steps.push((Step::Crash(at), crashed));
            }
        }
        if self.row.is_held {
            steps.push((Step::TimeIsOver, Self { row: Row { is_held: false, ..self.row }, ..self.clone() }));
        }
        steps
    }

    fn of_others(&self) -> Steps<Step, Self> {
        let mut steps = Vec::new();
        for at in 0..OBJECTS {
            if !self.foreign && self.there[at].is_none() {
                let mut next = self.clone();
                (next.there[at], next.foreign) = (Some(Object::Foreign), true);
                steps.push((Step::SomebodyElsePuts(at), next));
            }
        }
        if self.original[0] == 0 {
            let mut next = self.clone();
            next.original[0] = 1;
            steps.push((Step::OriginalChanges, next));
        }
        if self.may {
            steps.push((Step::RightEnds, Self { may: false, ..self.clone() }));
        }
        if self.row.state == State::UnderWay {
            steps.push((Step::Cancel, self.written(None, Row { state: State::Cancelled, is_held: false, ..self.row })));
        }
        steps
    }

    fn of_worker(&self, style: Style, at: usize) -> Steps<Step, Self> {
        let one = |step: fn(usize) -> Step, next: Self| vec![(step(at), next)];
        match self.workers[at] {
            Worker::Idle if self.row.state == State::UnderWay && !self.row.is_held => {
                let next = self.written(Some(at), Row { is_held: true, ..self.row });
                one(Step::Take, next.now(at, Worker::Has(next.row)))
            }
            Worker::Idle => Vec::new(),
            Worker::Has(row) if !self.may => one(Step::Stop, self.now(at, Worker::Stopped(row, State::Denied))),
            Worker::Has(row) if row.behind == OBJECTS => one(Step::Compare, self.compared(style, at, row)),
            Worker::Has(row) => {
                let listed = Worker::Listed(row, self.original[row.behind], self.there[row.behind].is_some());
                one(Step::Look, self.now(at, listed))
            }
            Worker::Listed(row, original, is_there) => {
                let may_be_there = row.begun > row.behind || style == Style::TakesWhatIsThere;
                let begun = if style == Style::NotBegun { row.begun } else { row.begun.max(row.behind + 1) };
                let (next, said) = self.said(style, at, Row { begun, ..row });
                let next = said.map_or_else(|| next.clone(), |row| next.now(at, Worker::Begun(row, original, is_there, may_be_there)));
                one(Step::Begin, next)
            }
            Worker::Begun(row, original, is_there, may_be_there) => {
                one(Step::Copy, self.copied(style, at, (row, original), (is_there, may_be_there)))
            }
            Worker::Copied(row) => {
                let (next, said) = self.said(style, at, Row { behind: row.behind + 1, ..row });
                one(Step::WriteDown, said.map_or_else(|| next.clone(), |row| next.now(at, Worker::Has(row))))
            }
            Worker::Stopped(row, state) => one(Step::Stop, self.ended(style, at, row, state)),
        }
    }

    /// The store copies an object that is as it was listed, where nothing is; or what is there is looked at.
    fn copied(&self, style: Style, at: usize, (row, original): (Row, usize), (is_there, may_be_there): (bool, bool)) -> Self {
        let stopped = |state| self.now(at, Worker::Stopped(row, state));
        let place = row.behind;
        let alike =
            self.there[place] == Some(Object::Copied(original)) || (style == Style::TakesWhatIsThere && self.there[place].is_some());
        if is_there && !may_be_there && style != Style::GoesOver {
            return stopped(State::Failed);
        }
        if self.there[place].is_some() && style != Style::GoesOver {
            // It came meanwhile, or a try before put it there.
            return if may_be_there && alike { self.now(at, Worker::Copied(row)) } else { stopped(State::Failed) };
        }
        if self.original[place] != original {
            return stopped(State::Failed);
        }
        let mut next = self.now(at, Worker::Copied(row));
        next.gone_over |= self.there[place] == Some(Object::Foreign);
        next.there[place] = Some(Object::Copied(original));
        next
    }

    fn compared(&self, style: Style, at: usize, row: Row) -> Self {
        let alike = (0..OBJECTS).all(|at| self.there[at] == Some(Object::Copied(self.original[at])));
        if !alike && style != Style::NotCompared {
            return self.now(at, Worker::Stopped(row, State::Failed));
        }
        self.ended(style, at, row, State::Done)
    }

    fn ended(&self, style: Style, at: usize, row: Row, state: State) -> Self {
        let (mut next, said) = self.said(style, at, Row { state, is_held: false, ..row });
        if said.is_some() && state == State::Done {
            next.done_of = Some(self.original);
        }
        next.now(at, Worker::Idle)
    }

    /// What whoever has it writes, where nobody wrote since; else that one has it no more.
    fn said(&self, style: Style, at: usize, after: Row) -> (Self, Option<Row>) {
        if self.stale[at] && style != Style::Unversioned {
            return (self.now(at, Worker::Idle), None);
        }
        let mut next = self.written(Some(at), after);
        next.ended_again |= self.row.state != State::UnderWay;
        let row = next.row;
        (next, Some(row))
    }

    /// Whoever else read it read what is no more.
    fn written(&self, by: Option<usize>, row: Row) -> Self {
        let stale = [0, 1].map(|at| by != Some(at) && self.workers[at] != Worker::Idle);
        Self { row, stale, ..self.clone() }
    }

    fn now(&self, at: usize, worker: Worker) -> Self {
        let mut next = self.clone();
        next.workers[at] = worker;
        next.stale[at] &= worker != Worker::Idle;
        next
    }

    /// It is a dataset, and something in it is no copy of what the original was when both were compared.
    fn is_done_of_something_else(&self) -> bool {
        let done = self.done_of.filter(|_| self.row.state == State::Done);
        done.is_some_and(|done| (0..OBJECTS).any(|at| self.there[at] != Some(Object::Copied(done[at]))))
    }

    /// It failed, and neither was there anything of somebody else's, nor did the original change.
    fn failed_for_nothing(&self) -> bool {
        self.row.state == State::Failed && !self.foreign && self.original == [0; OBJECTS]
    }
}

// A12: what a copy becomes is the original, or no dataset; and a crash is no reason.
#[test]
fn a_copy_becomes_the_original_or_nothing_and_goes_over_nothing() {
    for (style, something_else, gone_over, for_nothing, ends_again) in [
        (Style::Product, false, false, false, false),
        (Style::NotBegun, false, false, true, false),
        (Style::TakesWhatIsThere, false, false, false, false),
        (Style::GoesOver, false, true, false, false),
        (Style::NotCompared, true, false, false, false),
        (Style::Unversioned, false, false, true, true),
    ] {
        let search = Search::all(style, World::new(), |world: &World| world.steps(style));
        search.finds(something_else, "a dataset that is not the original", World::is_done_of_something_else);
        search.finds(gone_over, "somebody else's object is gone", |world| world.gone_over);
        search.finds(for_nothing, "it failed, and nothing was in its way", World::failed_for_nothing);
        search.finds(ends_again, "what had ended went on", |world| world.ended_again);
    }
    let search = Search::all("what tempts it", World::new(), |world: &World| world.steps(Style::Product));
    search.finds(true, "done although one crashed", |world| world.crashes == CRASHES && world.row.state == State::Done);
    search.finds(true, "an object is there that nobody wrote down", |world| {
        world.row.behind == 0 && world.row.begun == 1 && world.there[0] == Some(Object::Copied(0))
    });
    search.finds(true, "ended for want of the right", |world| world.row.state == State::Denied);
    search.finds(true, "failed for what somebody else put there", |world| world.row.state == State::Failed && world.foreign);
}
