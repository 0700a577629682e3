//! The service as the model has it: the databases, the isolates of the Workers, and the requests of the clients.
//!
//! It owns the events that can happen, and the promises that must hold after each of them. It must not know how a
//! Worker decides.

use edge_signup::storage::walk::Fence;
use stateright::{Model, Property};

use crate::worker::{self, Question, Run};

/// The most generations of a scenario.
pub const MOST: usize = 3;

/// The request key: the `Idempotency-Key`, or the id of a request without one.
pub type Key = u8;

/// A scenario.
#[derive(Clone, Copy)]
pub struct Service {
    /// The number of generations in the setting of each isolate. There are as many databases as the largest number.
    pub isolates: &'static [usize],
    /// The key of each request. Requests with the same key are a sign-up and its repeats.
    pub requests: &'static [u8],
    /// How often a row may be erased.
    pub erasures: usize,
    /// A mistake that the Workers make.
    pub mistake: Option<Mistake>,
}

/// A mistake in the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// A Worker inserts into the last generation of its setting, whatever the fences say.
    SettingDecides,
    /// A Worker inserts first, and searches the frozen generations after that.
    SearchAfterInsert,
    /// A Worker trusts its memory that a generation is frozen, and ignores the fence in the copy that it searches.
    CopyWithoutFence,
}

/// Everything that can make a difference later.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// The name's home in each generation.
    pub databases: Vec<Database>,
    pub isolates: Vec<Vec<Fence>>,
    pub requests: Vec<Request>,
}

/// The changes of a database, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Database(Vec<Change>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Change {
    Stored(Key),
    Erased,
    Frozen,
}

/// The id of a row. No other row ever has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Row {
    pub generation: usize,
    version: usize,
}

/// A database as it was after some of its changes.
#[derive(Debug, Clone, Copy, Default)]
pub struct View {
    pub is_frozen: bool,
    /// The row of the name, as the version that stored it and its key.
    row: Option<(usize, Key)>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Request {
    pub phase: Phase,
    /// The row with which the request's key was acknowledged before the request began.
    promised: Option<Row>,
    /// The generations whose databases may get an insert of this request at any time.
    sent: [bool; MOST],
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Phase {
    #[default]
    Before,
    In(Run),
    After(Answer),
    /// The isolate ended before the answer.
    Lost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// 200, for a row that the insert returned.
    Stored(Row),
    /// 200, for a row that a search found.
    Found(Row),
    /// 409: the name is taken.
    Taken,
    /// 503: all generations of the isolate's setting are frozen.
    GaveUp { setting: usize },
}

/// The outcome of an insert.
#[derive(Clone, Copy)]
pub enum Inserted {
    Refused,
    Taken,
    Own(Row),
}

/// The row that a search sees.
#[derive(PartialEq, Eq)]
pub enum Hit {
    Nothing,
    Other,
    Own(Row),
}

/// An event. Isolates, requests and generations have numbers from 0 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A request reaches an isolate, which begins to search copies.
    Begin {
        request: usize,
        isolate: usize,
    },
    /// The password's hash is done.
    Hash {
        request: usize,
    },
    /// The search of a copy is answered. The copy has the changes up to this version.
    SearchCopy {
        request: usize,
        generation: usize,
        version: usize,
    },
    /// The search of a copy failed.
    LoseCopy {
        request: usize,
    },
    /// The search of a database is answered, as of this version.
    Search {
        request: usize,
        generation: usize,
        version: usize,
    },
    /// An insert is carried out, and its answer comes.
    Insert {
        request: usize,
        generation: usize,
    },
    /// An insert is carried out, and nobody learns of it.
    InsertUnheard {
        request: usize,
        generation: usize,
    },
    /// The search after the insert, which only a mistake makes.
    SearchAfterInsert {
        request: usize,
    },
    Freeze {
        generation: usize,
    },
    Erase {
        generation: usize,
    },
    /// A new isolate asks each database for its fence.
    Survey {
        isolate: usize,
    },
    /// An isolate ends with its requests, and a new one takes its place.
    Replace {
        isolate: usize,
    },
}

impl Model for Service {
    type State = State;
    type Action = Event;

    fn init_states(&self) -> Vec<State> {
        let generations = self.isolates.iter().copied().max().unwrap();
        vec![State {
            databases: vec![Database::default(); generations],
            isolates: self.isolates.iter().map(|setting| vec![Fence::Unknown; *setting]).collect(),
            requests: vec![Request::default(); self.requests.len()],
        }]
    }

    fn actions(&self, state: &State, events: &mut Vec<Event>) {
        for (number, request) in state.requests.iter().enumerate() {
            match request.phase {
                Phase::Before if self.may_begin(state, number) => {
                    events.extend(
                        (0..self.isolates.len()).map(|isolate| Event::Begin { request: number, isolate }),
                    );
                }
                Phase::In(run) => state.answers(number, run.question, events),
                _ => {}
            }
            let sent = (0..MOST).filter(|generation| request.sent[*generation]);
            events.extend(sent.map(|generation| Event::InsertUnheard { request: number, generation }));
        }
        for (generation, database) in state.databases.iter().enumerate() {
            if !database.now().is_frozen {
                events.push(Event::Freeze { generation });
            }
            if database.now().row.is_some() && state.erasures() < self.erasures {
                events.push(Event::Erase { generation });
            }
        }
        for (isolate, fences) in state.isolates.iter().enumerate() {
            if fences.iter().all(|fence| *fence == Fence::Unknown) {
                events.push(Event::Survey { isolate });
            }
            events.push(Event::Replace { isolate });
        }
    }

    fn next_state(&self, before: &State, event: Event) -> Option<State> {
        let mut state = before.clone();
        match event {
            Event::Begin { request, isolate } => {
                state.requests[request].promised = self.acknowledged(before, self.requests[request]);
                worker::begin(self, &mut state, request, isolate);
            }
            Event::Hash { request } => worker::hashed(self, &mut state, request),
            Event::SearchCopy { request, generation, version } => {
                let view = before.databases[generation].at(version);
                worker::copy_answered(self, &mut state, request, generation, view);
            }
            Event::LoseCopy { request } => worker::copy_failed(&mut state, request),
            Event::Search { request, generation, version } => {
                let view = before.databases[generation].at(version);
                worker::search_answered(self, &mut state, request, generation, view);
            }
            Event::Insert { request, generation } => {
                let inserted = state.insert(generation, self.requests[request]);
                worker::insert_answered(self, &mut state, request, inserted);
            }
            Event::InsertUnheard { request, generation } => {
                state.insert(generation, self.requests[request]);
            }
            Event::SearchAfterInsert { request } => worker::search_after_insert(self, &mut state, request),
            Event::Freeze { generation } => {
                state.databases[generation].0.push(Change::Frozen);
                // From now on these inserts would be refused.
                for request in &mut state.requests {
                    request.sent[generation] = false;
                }
            }
            Event::Erase { generation } => state.databases[generation].0.push(Change::Erased),
            Event::Survey { isolate } => {
                for (fence, database) in state.isolates[isolate].iter_mut().zip(&before.databases) {
                    *fence = if database.now().is_frozen { Fence::Frozen } else { Fence::Open };
                }
            }
            Event::Replace { isolate } => {
                state.isolates[isolate].fill(Fence::Unknown);
                for request in &mut state.requests {
                    if matches!(request.phase, Phase::In(run) if run.isolate == isolate) {
                        request.phase = Phase::Lost;
                    }
                }
            }
        }
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always("no name has two rows", |_, state: &State| state.rows().count() <= 1),
            Property::always("no acknowledged user disappears", |_, state: &State| {
                (0..state.requests.len()).all(|request| state.keeps_its_promise(request))
            }),
            Property::always(
                "no request is answered with another sign-up's row",
                |service: &Self, state: &State| {
                    service
                        .answered(state)
                        .all(|(key, row)| state.databases[row.generation].stored(row.version, key))
                },
            ),
            Property::always(
                "a Worker gives up only where every generation is frozen",
                |_, state: &State| {
                    state.requests.iter().all(|request| match request.phase {
                        Phase::After(Answer::GaveUp { setting }) => {
                            state.databases[..setting].iter().all(|database| database.now().is_frozen)
                        }
                        _ => true,
                    })
                },
            ),
            Property::sometimes("a sign-up succeeds in the first generation", |_, state: &State| {
                state.stored_in(0)
            }),
            Property::sometimes("a sign-up succeeds in the second generation", |_, state: &State| {
                state.stored_in(1)
            }),
            Property::sometimes("a Worker with an old setting gives up", |service: &Self, state: &State| {
                state.gave_up_with(*service.isolates.iter().min().unwrap())
            }),
        ];
        if self.isolates.contains(&3) {
            properties.push(Property::sometimes(
                "a sign-up succeeds in the third generation",
                |_, state: &State| state.stored_in(2),
            ));
        }
        if self.requests[0] == self.requests[1] {
            properties.push(Property::sometimes("a repeat finds its row by a search", |_, state: &State| {
                let [first, repeat, ..] = &*state.requests else { return false };
                match (first.phase, repeat.phase) {
                    (Phase::After(Answer::Stored(stored)), Phase::After(Answer::Found(found))) => {
                        stored == found
                    }
                    _ => false,
                }
            }));
        }
        properties
    }
}

impl Service {
    /// Requests with the same key are alike, so they begin in the order of their numbers.
    fn may_begin(&self, state: &State, number: usize) -> bool {
        let mut earlier = self.requests.iter().zip(&state.requests).take(number);
        earlier.all(|(key, request)| *key != self.requests[number] || request.phase != Phase::Before)
    }

    /// The rows of the answers 200, each with the key of its request.
    fn answered(&self, state: &State) -> impl Iterator<Item = (Key, Row)> {
        self.requests.iter().zip(&state.requests).filter_map(|(key, request)| match request.phase {
            Phase::After(Answer::Stored(row) | Answer::Found(row)) => Some((*key, row)),
            _ => None,
        })
    }

    /// The row with which a request with this key was acknowledged, if it was not erased.
    fn acknowledged(&self, state: &State, key: Key) -> Option<Row> {
        self.answered(state).find(|(other, row)| *other == key && state.has(*row)).map(|(_, row)| row)
    }
}

impl State {
    /// The answers that the question of a request may get.
    fn answers(&self, request: usize, question: Question, events: &mut Vec<Event>) {
        match question {
            Question::Hash => events.push(Event::Hash { request }),
            Question::Copy(generation) => {
                events.push(Event::LoseCopy { request });
                let versions = 0..=self.version(generation);
                events.extend(versions.map(|version| Event::SearchCopy { request, generation, version }));
            }
            Question::Database { generation, since } => {
                let versions = since..=self.version(generation);
                events.extend(versions.map(|version| Event::Search { request, generation, version }));
            }
            Question::Insert(generation) => events.push(Event::Insert { request, generation }),
            Question::AfterInsert(_) => events.push(Event::SearchAfterInsert { request }),
        }
    }

    /// A request that began after its key was acknowledged with a row, which is still there, is answered with that row.
    /// It may also fail.
    fn keeps_its_promise(&self, number: usize) -> bool {
        let request = &self.requests[number];
        let Some(promised) = request.promised.filter(|row| self.has(*row)) else { return true };
        match request.phase {
            Phase::After(Answer::Stored(row) | Answer::Found(row)) => row == promised,
            Phase::After(Answer::Taken) => false,
            _ => true,
        }
    }

    fn insert(&mut self, generation: usize, key: Key) -> Inserted {
        let database = &mut self.databases[generation];
        let View { is_frozen, row } = database.now();
        let version = match row {
            _ if is_frozen => return Inserted::Refused,
            Some((_, other)) if other != key => return Inserted::Taken,
            Some((version, _)) => version,
            None => {
                database.0.push(Change::Stored(key));
                database.0.len()
            }
        };
        Inserted::Own(Row { generation, version })
    }

    /// The rows of the name.
    fn rows(&self) -> impl Iterator<Item = Row> {
        self.databases.iter().enumerate().filter_map(|(generation, database)| {
            let (version, _) = database.now().row?;
            Some(Row { generation, version })
        })
    }

    fn has(&self, row: Row) -> bool {
        self.rows().any(|other| other == row)
    }

    fn erasures(&self) -> usize {
        self.databases
            .iter()
            .flat_map(|database| &database.0)
            .filter(|change| **change == Change::Erased)
            .count()
    }

    fn stored_in(&self, generation: usize) -> bool {
        self.requests.iter().any(
            |request| matches!(request.phase, Phase::After(Answer::Stored(row)) if row.generation == generation),
        )
    }

    fn gave_up_with(&self, setting: usize) -> bool {
        self.requests.iter().any(|request| request.phase == Phase::After(Answer::GaveUp { setting }))
    }

    /// A request sends an insert.
    pub fn send(&mut self, request: usize, generation: usize) {
        let is_frozen = self.databases[generation].now().is_frozen;
        self.requests[request].sent[generation] |= !is_frozen;
    }

    /// The number of changes that a database has.
    pub fn version(&self, generation: usize) -> usize {
        self.databases[generation].0.len()
    }
}

impl Database {
    pub fn now(&self) -> View {
        self.at(self.0.len())
    }

    fn at(&self, version: usize) -> View {
        let mut view = View::default();
        for (before, change) in self.0[..version].iter().enumerate() {
            match change {
                Change::Stored(key) => view.row = Some((before + 1, *key)),
                Change::Erased => view.row = None,
                Change::Frozen => view.is_frozen = true,
            }
        }
        view
    }

    /// Whether this version stored a row with this key.
    fn stored(&self, version: usize, key: Key) -> bool {
        self.0[version - 1] == Change::Stored(key)
    }
}

impl View {
    /// The row as a search with this key sees it.
    pub fn hit(self, generation: usize, key: Key) -> Hit {
        match self.row {
            None => Hit::Nothing,
            Some((version, own)) if own == key => Hit::Own(Row { generation, version }),
            Some(_) => Hit::Other,
        }
    }
}
