//! Of baggage, only what is named gets into records, under keys that nobody else can choose.

use prisma_log_context::{Context, Propagation};

fn fields(context: &Context) -> Vec<(String, String)> {
    context.fields().iter().map(|(key, value)| (key.to_owned(), value.to_string())).collect()
}

#[test]
fn only_named_keys_become_fields() {
    fn check(baggage: &str, expected: &[(&str, &str)]) {
        let propagation = Propagation::w3c().baggage_fields(["tenant", "plan"]);
        let context = propagation.extract(&[("baggage", baggage)]).context();
        let expected: Vec<_> =
            expected.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        assert_eq!(fields(&context), expected, "{baggage}");
    }
    check("", &[]);
    check("secret=s3", &[]);
    check("tenant=blue", &[("baggage.tenant", "blue")]);
    check("plan=p,secret=s3,tenant=t", &[("baggage.tenant", "t"), ("baggage.plan", "p")]);
    check("Tenant=blue,baggage.tenant=x,user_id=root,trace_id=0", &[]);
    check("tenant=a,tenant=b;p=q", &[("baggage.tenant", "b")]);
    check("tenant=d%C3%BCr%20%22x%22", &[("baggage.tenant", "dür \"x\"")]);
    check("tenant=a%0Auser_id=root", &[("baggage.tenant", "a\nuser_id=root")]);
    check("tenant=%FF", &[("baggage.tenant", "\u{fffd}")]);
    check("tenant=a b", &[]);
}

#[test]
fn nothing_becomes_a_field_by_default() {
    let context = Propagation::w3c().extract(&[("baggage", "a=1,user_id=root")]).context();
    assert!(fields(&context).is_empty());
    assert_eq!(context.baggage().to_string(), "a=1,user_id=root");
}

#[test]
fn baggage_travels_without_a_trace_and_past_bad_headers() {
    let propagation = Propagation::w3c();
    for traceparent in ["", "rubbish"] {
        let headers = [("traceparent", traceparent), ("baggage", "a=1;p"), ("baggage", "b = 2")];
        let mut sent: Vec<(String, String)> = Vec::new();
        propagation.inject(&propagation.extract(&headers).context(), &mut sent);
        assert_eq!(sent[1], ("baggage".to_owned(), "a=1;p,b=2".to_owned()));
    }
}
