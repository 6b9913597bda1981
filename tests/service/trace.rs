//! Tests for the parser of X-Ray trace headers. To add a case, add a header to the valid or the invalid headers.

use pack_upload::telemetry::Trace;

#[test]
fn a_trace_header_is_parsed_if_it_has_an_x_ray_root() {
    let id = "1-5759e988-bd862e3fe1be46a994272793";
    for header in [
        format!("Root={id}"),
        format!("Root={id};Parent=53995c3f42cd8ad8;Sampled=1"),
        format!("Parent=53995c3f42cd8ad8;Sampled=0;Root={id};Lineage=1:51bde8cf:0"),
    ] {
        let trace = Trace::parse(&header).unwrap_or_else(|| panic!("{header} is valid"));
        assert_eq!((trace.id(), trace.header()), (id, header.as_str()));
    }
    for header in [
        "",
        "Sampled=1",
        id,
        "Root=",
        "Root=2-5759e988-bd862e3fe1be46a994272793",
        "Root=1-5759e988-bd862e3fe1be46a99427279",
        "Root=1-5759e988-bd862e3fe1be46a99427279g",
        "Root=1-5759e988bd862e3fe1be46a994272793",
        "Self=1-5759e988-bd862e3fe1be46a994272793",
    ] {
        assert_eq!(Trace::parse(header), None, "{header}");
    }
}
