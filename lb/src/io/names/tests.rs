use super::*;
use crate::io::folder::Folder;

#[test]
fn lines_that_say_no_number_and_name_are_skipped() {
    let text = "# reserved\n255 local\n0x10\tlowdelay # old\nnothing\n 300 far  \n4294967296 big\n-1 x\n7\n";
    let names: Vec<_> = parse(text).collect();
    let expected = [("local", 255), ("lowdelay", 16), ("far", 300)];
    assert_eq!(
        names,
        expected.map(|(name, number)| (name.to_owned(), number))
    );
}

#[test]
fn names_stand_behind_numbers() {
    let text = "#\n# reserved\n255\tlocal\n0x10 cosmos # all\n\n1\n";
    let names: Vec<_> = parse(text).map(|(name, _)| name).collect();
    assert_eq!(names, ["local", "cosmos"]);
}

#[test]
fn snippets_and_later_directories_count() {
    let folder = Folder::new();
    let (first, second) = (folder.join("a"), folder.join("b"));
    std::fs::create_dir_all(first.join("rt_tables.d")).unwrap();
    std::fs::create_dir_all(&second).unwrap();
    std::fs::write(first.join("rt_tables"), "10 one\n20 two\n").unwrap();
    std::fs::write(first.join("rt_tables.d/x.conf"), "30 three\n").unwrap();
    std::fs::write(first.join("rt_tables.d/x.conf~"), "40 four\n").unwrap();
    std::fs::write(second.join("rt_tables"), "21 two\n").unwrap();
    let mut names = Names::new(vec![first, second]);
    let mut number = |name| names.number(NameList::Tables, name).ok();
    let found = [
        number("one"),
        number("two"),
        number("three"),
        number("four"),
    ];
    assert_eq!(found, [Some(10), Some(21), Some(30), None]);
}

#[test]
fn an_unknown_name_says_where_to_add_it() {
    let error = Names::new(vec![]).number(NameList::Tables, "far");
    assert_eq!(
        error.unwrap_err().to_string(),
        "no routing table is named far: add it to /etc/iproute2/rt_tables"
    );
}
