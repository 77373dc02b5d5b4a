package enrich

import (
	"net/netip"
	"testing"

	"github.com/bouncehouse/bouncehouse"
)

func TestSide(t *testing.T) {
	table := newProviderTable(Providers())
	for host, want := range map[string]string{
		"gmail-smtp-in.l.google.com":              Consumer,
		"alt1.gmail-smtp-in.l.google.com":         Consumer,
		"ALT2.ASPMX.L.GOOGLE.COM.":                Business,
		"aspmx3.googlemail.com":                   Business,
		"smtp.google.com":                         Business,
		"hotmail-com.olc.protection.outlook.com":  Consumer,
		"example-com.mail.protection.outlook.com": Business,
		"example-com.o-v1.mx.microsoft":           Business,
		"mta5.am0.yahoodns.net":                   Consumer,
		"mx-aol.mail.gm0.yahoodns.net":            Consumer,
		"mx-biz.mail.am0.yahoodns.net":            Business,
		"mx3.qq.com":                              Consumer,
		"mxbiz1.qq.com":                           Business,
		"163mx01.mxmail.netease.com":              Consumer,
		"qiye163mx02.mxmail.netease.com":          Business,
		"mxn.mxhichina.com":                       Business,
		"mxs.mail.ru":                             Consumer,
		"emx.mail.ru":                             Business,
		"mx.yandex.ru":                            Consumer,
		"mx.yandex.net":                           Business,
		"google.com":                              "",
		"notaspmx.l.google.com":                   "",
		"mx.example.net":                          "",
		"mail.protection.outlook.com.example.net": "",
		"eur05.prod.outlook.com":                  "",
		"":                                        "",
		"hosting-smtp.google.com.gmail-smtp-in.example.net": "",
	} {
		if got := table.side(host); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
}

// A side is part of its provider: its hosts are among the provider's, and no other's.
func TestSidesAreTheProviders(t *testing.T) {
	table := newProviderTable(Providers())
	for _, k := range Providers() {
		if (len(k.Consumer) > 0) != (len(k.Business) > 0) {
			t.Errorf("%s: one side without the other tells nothing", k.ID)
		}
		for side, suffixes := range map[string][]string{Consumer: k.Consumer, Business: k.Business} {
			for _, s := range suffixes {
				if p := table.byHost("mx." + s); string(p) != k.ID {
					t.Errorf("%s: the host mx.%s belongs to %q", k.ID, s, p)
				}
				if got := table.side("mx." + s); got != side {
					t.Errorf("%s: the host mx.%s is of the side %q, not %s", k.ID, s, got, side)
				}
			}
		}
	}
}

// The version tells the tables apart, a user's among them, and nothing else.
func TestRulesVersion(t *testing.T) {
	version := func(o Options) string {
		c, err := NewClassifier(o)
		if err != nil {
			t.Fatal(err)
		}
		res := bouncehouse.Result{Events: []bouncehouse.Event{{Outcome: bouncehouse.Delivered},
			{Outcome: bouncehouse.Bounced, ReplyCode: 550, ReplyText: "no"}}}
		if err := c.Enrich(t.Context(), &res); err != nil {
			t.Fatal(err)
		}
		if v := res.Events[0].RulesVersion; len(v) != 8 || v != res.Events[1].RulesVersion {
			t.Errorf("versions %q and %q", v, res.Events[1].RulesVersion)
		}
		return res.Events[0].RulesVersion
	}
	plain := version(Options{})
	if v := version(Options{Egress: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}); v != plain {
		t.Errorf("%q with an egress address, %q without", v, plain)
	}
	for what, o := range map[string]Options{
		"a rule": {Rules: []Rule{{Name: "ours", Class: bouncehouse.Policy, All: []string{"no thanks"},
			Example: "550 no thanks"}}},
		"a provider": {Known: []Known{{ID: "ours", Name: "Ours", MX: []string{"ours.example"}}}},
		"belief":     {Believe: true},
	} {
		if v := version(o); v == plain {
			t.Errorf("%s makes no other version", what)
		}
	}
}
