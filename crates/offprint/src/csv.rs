//! CSV (RFC 4180): read for batches, written for spreadsheets.

/// One line of CSV, with its end.
pub(crate) fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<String> = cells.into_iter().map(cell).collect();
    format!("{}\r\n", cells.join(","))
}

/// One cell: quoted where it must be, and never a formula to a spreadsheet, whoever chose its text.
fn cell(text: &str) -> String {
    let quote = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    let text = format!("{quote}{text}");
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// Reads lines of cells. Empty lines are left out; each row comes with the line on which it begins, from 1.
///
/// # Errors
/// The line on which a quoted cell is never closed, or is followed by something else than a comma.
pub(crate) fn parse(text: &str) -> Result<Vec<(usize, Vec<String>)>, usize> {
    let mut rows = Vec::new();
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut line = 1_usize;
    while !rest.is_empty() {
        let begins = line;
        let mut cells = Vec::new();
        loop {
            let (cell, after) = read_cell(rest).ok_or(line)?;
            line = line.saturating_add(cell.matches('\n').count());
            cells.push(cell);
            if let Some(more) = after.strip_prefix(',') {
                rest = more;
                continue;
            }
            rest = after.strip_prefix("\r\n").or_else(|| after.strip_prefix('\n')).unwrap_or(after);
            break;
        }
        line = line.saturating_add(1);
        if cells.iter().any(|cell| !cell.is_empty()) {
            rows.push((begins, cells));
        }
    }
    Ok(rows)
}

/// One cell and what follows it: a comma, an end of line, or nothing.
fn read_cell(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find([',', '\n']).unwrap_or(text.len());
        let (cell, after) = text.split_at_checked(end)?;
        return Some(match cell.strip_suffix('\r') {
            Some(cell) if !after.starts_with(',') => (cell.to_owned(), after),
            _ => (cell.to_owned(), after),
        });
    };
    let mut cell = String::new();
    loop {
        let (inside, after) = rest.split_once('"')?;
        cell.push_str(inside);
        match after.strip_prefix('"') {
            Some(more) => {
                cell.push('"');
                rest = more;
            }
            None if after.is_empty() || after.starts_with([',', '\n']) || after.starts_with("\r\n") => return Some((cell, after)),
            None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (text, want) in [
            ("plain", "plain"),
            ("", ""),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("a=b", "a=b"),
            ("=a,b", "\"'=a,b\""),
            ("say \"a\"", "\"say \"\"a\"\"\""),
            ("two\nlines", "\"two\nlines\""),
        ] {
            assert_eq!(cell(text), want, "{text:?}");
        }
        assert_eq!(line(["a", "b,c"]), "a,\"b,c\"\r\n");
    }

    #[test]
    fn rows_are_read_with_their_lines() {
        let read = |text: &str| parse(text).unwrap();
        let row = |line: usize, cells: &[&str]| (line, cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>());
        assert_eq!(read("a,b\r\nc,d"), [row(1, &["a", "b"]), row(2, &["c", "d"])]);
        assert_eq!(read("\u{feff}a\n\n\nb\n"), [row(1, &["a"]), row(4, &["b"])]);
        assert_eq!(read("\"a,b\",\"say \"\"x\"\"\"\n"), [row(1, &["a,b", "say \"x\""])]);
        assert_eq!(read("\"two\nlines\",x\ny,\n"), [row(1, &["two\nlines", "x"]), row(3, &["y", ""])]);
        assert_eq!(read(",\n,x"), [row(2, &["", "x"])]);
        assert_eq!(read(""), []);
    }

    #[test]
    fn a_broken_quote_names_its_line() {
        assert_eq!(parse("a\n\"b").unwrap_err(), 2);
        assert_eq!(parse("\"a\"b").unwrap_err(), 1);
    }

    #[test]
    fn what_is_written_reads_back() {
        let cells = ["a,b", "\"", "two\r\nlines", "é"];
        assert_eq!(parse(&line(cells)).unwrap(), [(1, cells.map(str::to_owned).to_vec())]);
    }
}
