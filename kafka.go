package bouncehouse

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
)

// KafkaOptions say where the chunks' topic is and how to be let in. They are
// plain values, shared by what writes the topic (sink) and what reads it
// (ingest).
type KafkaOptions struct {
	Brokers []string  `yaml:"brokers"` // host:port; any of the cluster's brokers leads to the others
	Topic   string    `yaml:"topic"`
	Group   string    `yaml:"group"` // the consumer group of the readers
	TLS     KafkaTLS  `yaml:"tls"`
	SASL    KafkaSASL `yaml:"sasl"`
}

// KafkaTLS is how connections to brokers are encrypted.
type KafkaTLS struct {
	Enabled bool   `yaml:"enabled"`
	CA      string `yaml:"ca"`   // PEM file of the authorities to trust; empty: the system's
	Cert    string `yaml:"cert"` // PEM files of a client certificate and its key, where brokers ask for one
	Key     string `yaml:"key"`
}

// KafkaSASL is who we are. The password is never in the options: they are
// printed and logged.
type KafkaSASL struct {
	Mechanism    string `yaml:"mechanism"` // PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; empty: none
	User         string `yaml:"user"`
	PasswordFile string `yaml:"password_file"` // a file that holds the password; one line end is cut off
	PasswordEnv  string `yaml:"password_env"`  // else the name of the environment variable that does
}

// The mechanisms of KafkaSASL.
const (
	SASLPlain       = "PLAIN"
	SASLScramSHA256 = "SCRAM-SHA-256"
	SASLScramSHA512 = "SCRAM-SHA-512"
)

// Validate reports all that is wrong with o, as far as it can be told without
// reading files. The group is not asked for: writers need none.
func (o *KafkaOptions) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if len(o.Brokers) == 0 {
		fault("kafka: no brokers")
	}
	for _, b := range o.Brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			fault("kafka: broker %q is not host:port", b)
		}
	}
	if !validTopic(o.Topic) {
		fault("kafka: %q is no name for a topic: 1 to 249 of a-z A-Z 0-9 . _ -", o.Topic)
	}
	if (o.TLS.Cert == "") != (o.TLS.Key == "") {
		fault("kafka: tls.cert and tls.key go together")
	}
	if !o.TLS.Enabled && (o.TLS.CA != "" || o.TLS.Cert != "") {
		fault("kafka: tls has files but is not enabled")
	}
	switch o.SASL.Mechanism {
	case "":
		if o.SASL.User != "" || o.SASL.PasswordFile != "" || o.SASL.PasswordEnv != "" {
			fault("kafka: sasl has a user or password but no mechanism")
		}
		return errors.Join(faults...)
	case SASLPlain:
		if !o.TLS.Enabled {
			fault("kafka: sasl PLAIN without tls would send the password readable: enable tls or use %s",
				SASLScramSHA512)
		}
	case SASLScramSHA256, SASLScramSHA512:
	default:
		fault("kafka: sasl mechanism %q is none of %s, %s, %s", o.SASL.Mechanism, SASLPlain, SASLScramSHA256,
			SASLScramSHA512)
	}
	if o.SASL.User == "" {
		fault("kafka: sasl without a user")
	}
	if (o.SASL.PasswordFile == "") == (o.SASL.PasswordEnv == "") {
		fault("kafka: sasl needs either password_file or password_env")
	}
	return errors.Join(faults...)
}

// validTopic tells whether Kafka takes the name for a topic.
func validTopic(name string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	return name != "" && len(name) <= 249 && name != "." && name != ".." && strings.Trim(name, allowed) == ""
}

// Config is the TLS configuration; nil where TLS is off.
func (t *KafkaTLS) Config() (*tls.Config, error) {
	if !t.Enabled {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("kafka: tls.ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("kafka: tls.ca: no certificate in %s", t.CA)
		}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("kafka: tls.cert: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// Password reads the password from where the options say.
func (s *KafkaSASL) Password() (string, error) {
	if s.PasswordFile != "" {
		b, err := os.ReadFile(s.PasswordFile)
		if err != nil {
			return "", fmt.Errorf("kafka: sasl.password_file: %w", err)
		}
		password := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
		if password == "" {
			return "", fmt.Errorf("kafka: sasl.password_file: %s is empty", s.PasswordFile)
		}
		return password, nil
	}
	password := os.Getenv(s.PasswordEnv)
	if password == "" {
		return "", fmt.Errorf("kafka: sasl.password_env: %s is not set", s.PasswordEnv)
	}
	return password, nil
}
