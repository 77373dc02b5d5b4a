package bouncehouse

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKafkaOptionsValidate(t *testing.T) {
	good := func() KafkaOptions {
		return KafkaOptions{Brokers: []string{"kafka1.example:9092", "[2001:db8::1]:9092"}, Topic: "mail.logs_1",
			TLS:  KafkaTLS{Enabled: true},
			SASL: KafkaSASL{Mechanism: SASLPlain, User: "u", PasswordEnv: "P"}}
	}
	for want, change := range map[string]func(*KafkaOptions){
		"":                               func(*KafkaOptions) {},
		"no brokers":                     func(o *KafkaOptions) { o.Brokers = nil },
		`"kafka1" is not host:port`:      func(o *KafkaOptions) { o.Brokers[0] = "kafka1" },
		`"" is no name`:                  func(o *KafkaOptions) { o.Topic = "" },
		`".." is no name`:                func(o *KafkaOptions) { o.Topic = ".." },
		`"mail logs" is no name`:         func(o *KafkaOptions) { o.Topic = "mail logs" },
		"cert and tls.key":               func(o *KafkaOptions) { o.TLS.Cert = "c" },
		"files but is not enabled":       func(o *KafkaOptions) { o.TLS = KafkaTLS{CA: "ca"}; o.SASL = KafkaSASL{} },
		"password readable":              func(o *KafkaOptions) { o.TLS.Enabled = false },
		`mechanism "GSSAPI" is none`:     func(o *KafkaOptions) { o.SASL.Mechanism = "GSSAPI" },
		"no mechanism":                   func(o *KafkaOptions) { o.SASL.Mechanism = "" },
		"without a user":                 func(o *KafkaOptions) { o.SASL.User = "" },
		"password_file or password_env":  func(o *KafkaOptions) { o.SASL.PasswordEnv = "" },
		"password_file or password_env ": func(o *KafkaOptions) { o.SASL.PasswordFile = "f" },
	} {
		o := good()
		change(&o)
		err := o.Validate()
		if want == "" && err != nil || want != "" && (err == nil ||
			!strings.Contains(err.Error(), strings.TrimSpace(want))) {
			t.Errorf("%q: %v", want, err)
		}
	}
	scram := good()
	scram.TLS.Enabled, scram.SASL.Mechanism = false, SASLScramSHA512
	if err := scram.Validate(); err != nil {
		t.Errorf("SCRAM without TLS: %v", err)
	}
}

func TestKafkaPassword(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	for content, want := range map[string]string{"secret": "secret", "secret\n": "secret", "secret\r\n": "secret",
		" secret\n\n": " secret\n", "": "", "\n": ""} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := (&KafkaSASL{PasswordFile: file}).Password()
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v", content, got, err)
		}
	}
	t.Setenv("BOUNCEHOUSE_TEST_PASSWORD", "from the environment")
	if got, err := (&KafkaSASL{PasswordEnv: "BOUNCEHOUSE_TEST_PASSWORD"}).Password(); got != "from the environment" ||
		err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := (&KafkaSASL{PasswordEnv: "BOUNCEHOUSE_TEST_NONE"}).Password(); err == nil {
		t.Error("a variable that is not set")
	}
}
