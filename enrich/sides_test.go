package enrich

import "testing"

func TestSide(t *testing.T) {
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
		if got := Side(host); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
}

// A side is part of its provider: its hosts are among the provider's. And as
// Business is asked first, no Consumer suffix may lie within one of it.
func TestSidesAreTheProviders(t *testing.T) {
	table := newProviderTable(Providers())
	for _, k := range Providers() {
		if (len(k.Consumer) > 0) != (len(k.Business) > 0) {
			t.Errorf("%s: one side without the other tells nothing", k.ID)
		}
		for _, s := range k.Consumer {
			if within(s, k.Business) {
				t.Errorf("%s: %s lies within the business side", k.ID, s)
			}
		}
		for _, s := range append(append([]string{}, k.Consumer...), k.Business...) {
			if p := table.byHost("mx." + s); string(p) != k.ID {
				t.Errorf("%s: the host mx.%s belongs to %q", k.ID, s, p)
			}
			for _, other := range Providers() {
				if other.ID != k.ID && (within(s, other.Consumer) || within(s, other.Business)) {
					t.Errorf("%s: %s is %s's too", k.ID, s, other.ID)
				}
			}
		}
	}
}
