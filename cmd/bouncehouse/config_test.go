package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"net/netip"
)

// The example holds every key, and what it does not comment out is the
// default.
func TestExampleConfig(t *testing.T) {
	want := defaultConfig()
	got := defaultConfig()
	if err := parseYAML(exampleConfig, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); d != "" {
		t.Errorf("the example differs from the defaults:\n%s", d)
	}
	// A comment that is a key and a value is an example of that key.
	open := regexp.MustCompile(`(?m)^( *)# ?( *[a-z_]+:( .*)?)$`).ReplaceAllString(string(exampleConfig), "$1$2")
	var all Config
	if err := parseYAML([]byte(open), &all); err != nil {
		t.Fatalf("%v\n%s", err, open)
	}
	all.Kafka.TLS.Enabled = true    // the default is false
	all.Kafka.SASL.PasswordEnv = "" // the example shows both ways
	if err := all.Validate(); err != nil {
		t.Errorf("the example with all its comments open: %v", err)
	}
	if len(all.Paths) == 0 || all.ClickHouse == "" || len(all.Egress) == 0 || len(all.DNS.Zones) == 0 ||
		all.Engine.Listen == "" ||
		len(all.Kafka.Brokers) == 0 || all.Kafka.TLS.CA == "" || all.Kafka.SASL.Mechanism == "" ||
		all.Bounces.BATVKeys == "" {
		t.Errorf("the example lacks keys: %+v", all)
	}
}

func TestConfigFaults(t *testing.T) {
	var c Config
	err := parseYAML([]byte("paths: /a\npath: [/b]\ndns:\n  timeout: soon\n"), &c)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"line 1", "line 2", "path", "line 4", "timeout: soon"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not tell %q:\n%v", want, err)
		}
	}
	if err := parseYAML([]byte("state: /a\n---\nstate: /b\n"), &c); err == nil {
		t.Error("a second document was ignored")
	}
	c = defaultConfig()
	c.Timezone, c.ClickHouse, c.DNS.Timeout, c.Host, c.Bounces.Trust = "Mars/Olympus", "tcp:/x", -1, "a b", "some"
	err = c.Validate()
	for _, want := range []string{"timezone", "clickhouse", "dns.timeout", "host", "bounces.trust"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate does not tell %s: %v", want, err)
		}
	}
}

func TestConfigHidesPassword(t *testing.T) {
	for _, dsn := range []string{"clickhouse://writer:hunter2@ch.example:9000/b",
		"http://ch.example:8123?password=hunter2"} {
		if got := (Config{ClickHouse: dsn}).redacted().ClickHouse; strings.Contains(got, "hunter2") ||
			!strings.Contains(got, "ch.example") {
			t.Errorf("%s shows as %s", dsn, got)
		}
		c := defaultConfig()
		c.ClickHouse = strings.Replace(dsn, "://", ":/", 1)
		if err := c.Validate(); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error tells the password, or there is none: %v", c.ClickHouse, err)
		}
	}
}
