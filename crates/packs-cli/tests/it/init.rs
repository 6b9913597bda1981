use crate::support::Work;

#[test]
fn creates_a_valid_pack() {
    let work = Work::new();
    assert_eq!(work.packs(&["init", "incident-response"]).success(), "created incident-response/pack.yaml\n");
    assert_eq!(work.packs(&["check", "incident-response"]).success(), "The pack is valid.\n");
    let expected = "name: incident-response\nversion: 0.1.0\ndescription: Describe what the pack is for.\n";
    assert_eq!(work.read("incident-response/pack.yaml"), expected);
}

#[test]
fn does_not_overwrite_a_pack() {
    let work = Work::with_pack(&[("pack.yaml", "mine")]);
    work.packs(&["init", "pack"]).expect_error("cannot write `pack/pack.yaml`: File exists (os error 17)");
    assert_eq!(work.read("pack/pack.yaml"), "mine");
}

#[test]
fn the_name_must_be_valid() {
    let printed = Work::new().packs(&["init", "Bad_Name"]);
    assert_eq!(printed.status, 2);
    assert!(printed.err.contains("must start with a lower-case letter"), "{printed:?}");
}

#[test]
fn a_name_that_yaml_reads_as_another_type_is_quoted() {
    let work = Work::new();
    work.packs(&["init", "yes"]).success();
    assert_eq!(work.packs(&["check", "yes"]).success(), "The pack is valid.\n");
}

#[test]
fn schema_prints_the_schema_of_the_manifest() {
    assert_eq!(Work::new().packs(&["schema"]).success(), pack_format::MANIFEST_SCHEMA);
}
