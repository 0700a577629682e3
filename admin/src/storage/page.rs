//! Pages through rows of many databases, the newest rows first.
//!
//! It owns the order and the cursor of a page. It must not know the other columns of a row than its id and its
//! time.
//!
//! Within a database, a row with a higher id is newer. The databases of a generation take rows at the same time, so
//! their rows are merged by time; the rows of an earlier generation are all older. A cursor has the position in each
//! database of one generation. A row that is added later has a higher id than every position, so it never moves a page.

use std::fmt::Write;

use edge_signup::storage::d1::Store;
use edge_signup::storage::database::StoreError;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::batch::{self, Statement};

/// Above every id.
pub(super) const START: u64 = 1 << 53;

/// The rows that one statement with a filter looks at in a database. A page may so be shorter than its limit, unless an
/// index finds all rows of the filter and there are at most as many.
const WINDOW: u64 = 2_000;

/// A row of a page.
pub trait Row: DeserializeOwned {
    /// The id, which is unique over all databases.
    fn id(&self) -> u64;
    /// The time by which the rows of several databases are merged.
    fn time(&self) -> i64;
}

/// A place between two rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    generation: usize,
    /// The lowest id that was seen in each database of the generation. Empty before its first row.
    positions: Vec<u64>,
}

impl Cursor {
    /// Reads the text that [`Cursor::text`] gave.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (generation, positions) = text.split_once('.')?;
        let numbers = positions
            .split('-')
            .filter(|text| !text.is_empty())
            .map(|text| u64::from_str_radix(text, 16).ok());
        let positions = numbers.collect::<Option<Vec<_>>>()?;
        let is_valid = positions.iter().all(|position| *position <= START);
        is_valid.then_some(Self { generation: generation.parse().ok()?, positions })
    }

    /// The cursor as a text, for the next request.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}.", self.generation);
        for (n, position) in self.positions.iter().enumerate() {
            let separator = if n == 0 { "" } else { "-" };
            // Writing to a String never fails.
            let _ = write!(text, "{separator}{position:x}");
        }
        text
    }
}

/// A condition on the value ?3.
pub struct Filter<'a> {
    /// The condition.
    pub condition: &'a str,
    /// The value.
    pub value: Value,
    /// Whether an index of the table begins with the column that the condition compares.
    pub has_index: bool,
}

/// The rows that are listed: columns and a table.
pub struct Listing<'a> {
    /// The columns, which begin with the row's id.
    pub columns: &'a str,
    /// The table, with joined tables.
    pub table: &'a str,
    /// The rows that are wanted, if not all are.
    pub filter: Option<Filter<'a>>,
    /// Whether only the last generation takes new rows.
    pub is_by_generation: bool,
}

/// The rows that a database has for a page.
struct Source<T> {
    /// The rows that are not on a page yet, the oldest first.
    rows: Vec<T>,
    /// The position after the rows.
    after: u64,
    /// Whether there are older rows.
    has_more: bool,
}

/// A page of at most `limit` rows after `cursor`, and the cursor of the next page. The page may be shorter although
/// there is another one.
///
/// # Errors
/// [`StoreError`].
pub async fn newest<T: Row>(
    store: &Store,
    listing: &Listing<'_>,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<(Vec<T>, Option<Cursor>), StoreError> {
    let all = 0..store.databases().len();
    let generations: Vec<_> =
        if listing.is_by_generation { store.generations().collect() } else { vec![all] };
    let last = generations.len().saturating_sub(1);
    let mut cursor = cursor.unwrap_or(Cursor { generation: last, positions: Vec::new() });
    let mut page = Vec::new();
    while let Some(range) = generations.get(cursor.generation) {
        let databases = store.databases().get(range.clone()).unwrap_or_default();
        cursor.positions.resize(databases.len(), START);
        let mut sources = Vec::new();
        for (database, position) in databases.iter().zip(&cursor.positions) {
            let wanted = limit.saturating_sub(page.len());
            let statements = statements(listing, *position, wanted);
            let borrowed: Vec<_> =
                statements.iter().map(|(sql, values)| Statement(sql, values.clone())).collect();
            let mut answers = batch::read(database, &borrowed).await?;
            let mut rows: Vec<T> = answers.next(database)?;
            let mut after = rows.last().map_or(*position, Row::id);
            let mut has_more = rows.len() == wanted;
            if let Some(Window { low: Some(low), seen }) = answers.next(database)?.pop()
                && !has_more
            {
                (after, has_more) = (low, seen == WINDOW);
            }
            rows.reverse();
            sources.push(Source { rows, after, has_more });
        }
        if merge(&mut sources, &mut cursor.positions, &mut page, limit) {
            return Ok((page, Some(cursor)));
        }
        let Some(earlier) = cursor.generation.checked_sub(1) else { return Ok((page, None)) };
        cursor = Cursor { generation: earlier, positions: Vec::new() };
    }
    Ok((page, None))
}

/// The rows that a filter looked at.
#[derive(serde::Deserialize)]
struct Window {
    low: Option<u64>,
    seen: u64,
}

fn statements(listing: &Listing<'_>, position: u64, limit: usize) -> Vec<(String, Vec<Value>)> {
    let Listing { columns, table, filter, .. } = listing;
    let name = table.split(' ').next().unwrap_or_default();
    let Some(Filter { condition, value, has_index }) = filter else {
        let sql =
            format!("SELECT {columns} FROM {table} WHERE {name}.id < ?1 ORDER BY {name}.id DESC LIMIT ?2");
        return vec![(sql, vec![position.into(), limit.into()])];
    };
    // Without an index, or with too many rows in it, a window of the table is looked at. SQLite would test a condition
    // on their number for each row of the table, so the number decides the LIMIT.
    let size = if *has_index {
        format!("(SELECT iif(count(*) > {WINDOW}, {WINDOW}, 0) FROM indexed)")
    } else {
        WINDOW.to_string()
    };
    let window = format!(
        "WITH indexed AS MATERIALIZED (SELECT id FROM {name} WHERE {condition} AND {has_index} LIMIT {WINDOW} + 1), \
         window AS MATERIALIZED (SELECT id FROM {name} WHERE id < ?1 ORDER BY id DESC LIMIT {size})"
    );
    // The sign before the condition keeps SQLite from the index, which would read all rows of the value.
    let rows = format!(
        "{window} SELECT {columns} FROM {table} WHERE {name}.id IN (SELECT id FROM indexed WHERE id < ?1 AND {size} = 0 \
         UNION ALL SELECT id FROM {name} WHERE id < ?1 AND id >= (SELECT coalesce(min(id), ?1) FROM window) AND +({condition}) \
         ORDER BY id DESC LIMIT ?2) ORDER BY {name}.id DESC"
    );
    let values = vec![position.into(), limit.into(), value.clone()];
    vec![
        (rows, values.clone()),
        (format!("{window} SELECT min(id) AS low, count(*) AS seen FROM window"), values),
    ]
}

/// Moves rows of `sources` to `page`, the newest first, and their ids to `positions`. Returns whether there is another
/// page in this generation. A source without rows that has older ones ends the page, because one of those could be next.
fn merge<T: Row>(sources: &mut [Source<T>], positions: &mut [u64], page: &mut Vec<T>, limit: usize) -> bool {
    loop {
        for (source, position) in sources.iter().zip(&mut *positions) {
            if source.rows.is_empty() {
                *position = source.after;
            }
        }
        let is_cut = sources.iter().any(|source| source.rows.is_empty() && source.has_more);
        let newest = sources
            .iter_mut()
            .zip(&mut *positions)
            .filter(|(source, _)| !source.rows.is_empty())
            .max_by_key(|(source, _)| source.rows.last().map(|row| (row.time(), row.id())));
        match newest {
            _ if is_cut => return true,
            None => return false,
            Some(_) if page.len() >= limit => return true,
            Some((source, position)) => {
                if let Some(row) = source.rows.pop() {
                    *position = row.id();
                    page.push(row);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(serde::Deserialize, Debug, PartialEq)]
    struct Pair(u64, i64);

    impl Row for Pair {
        fn id(&self) -> u64 {
            self.0
        }
        fn time(&self) -> i64 {
            self.1
        }
    }

    fn source(ids: &[(u64, i64)], has_more: bool) -> Source<Pair> {
        let rows: Vec<_> = ids.iter().rev().map(|&(id, time)| Pair(id, time)).collect();
        let after = ids.last().map_or(START, |(id, _)| *id);
        Source { rows, after, has_more }
    }

    #[test]
    fn rows_of_several_databases_are_merged_by_time() {
        let mut sources = [source(&[(9, 50), (7, 20)], false), source(&[(105, 40), (104, 30)], false)];
        let (mut positions, mut page) = ([START; 2], Vec::new());
        assert!(merge(&mut sources, &mut positions, &mut page, 3));
        assert_eq!(page, [Pair(9, 50), Pair(105, 40), Pair(104, 30)]);
        assert_eq!(positions, [9, 104]);
    }

    #[test]
    fn a_page_ends_where_an_older_row_could_be_next() {
        let mut sources = [source(&[(9, 50)], true), source(&[(105, 40)], false)];
        let (mut positions, mut page) = ([START; 2], Vec::new());
        assert!(merge(&mut sources, &mut positions, &mut page, 9));
        assert_eq!(page, [Pair(9, 50)]);
        assert_eq!(positions, [9, START]);
    }

    #[test]
    fn the_last_row_ends_the_generation() {
        let mut sources = [source(&[(9, 50)], false), source(&[], false)];
        let (mut positions, mut page) = ([START; 2], Vec::new());
        assert!(!merge(&mut sources, &mut positions, &mut page, 9));
        assert_eq!(page.len(), 1);
    }

    #[test]
    fn a_position_is_at_most_a_number_of_javascript() {
        let cursor = |position: u64| Cursor::parse(&format!("0.{position:x}"));
        assert!(cursor(9_007_199_254_740_992).is_some());
        assert_eq!(cursor(9_007_199_254_740_993), None);
    }

    proptest! {
        #[test]
        fn a_cursor_comes_back_as_it_was(generation in 0..5_usize, positions in proptest::collection::vec(0..=START, 0..6)) {
            let cursor = Cursor { generation, positions };
            prop_assert_eq!(Cursor::parse(&cursor.text()), Some(cursor));
        }

        #[test]
        fn any_text_is_a_cursor_or_not(text in any::<String>()) {
            let _ = Cursor::parse(&text);
        }
    }
}
