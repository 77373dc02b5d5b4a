package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/ingest"
	"github.com/bouncehouse/bouncehouse/parse"
)

// Config is the one configuration of every command. bouncehouse.example.yaml
// beside this file is its manual: every key with its default and meaning.
type Config struct {
	Paths      []string     `yaml:"paths"`
	State      string       `yaml:"state"`
	ClickHouse string       `yaml:"clickhouse"`
	Cluster    string       `yaml:"cluster"`
	Host       string       `yaml:"host"`
	Timezone   string       `yaml:"timezone"`
	Hosts      []string     `yaml:"hosts"`
	Domains    []string     `yaml:"domains"`
	Egress     []netip.Addr `yaml:"egress"`
	Rules      string       `yaml:"rules"`
	// Bounces is what bounce mails and complaints are taken for.
	Bounces BouncesConfig `yaml:"bounces"`
	// Journal is whose records of the journal are believed.
	Journal parse.Journal `yaml:"journal"`
	DNS     DNSConfig     `yaml:"dns"`
	Engine  EngineConfig  `yaml:"engine"`
	// Kafka is the topic between ingest and process.
	Kafka bouncehouse.KafkaOptions `yaml:"kafka"`
}

// BouncesConfig says which bounce mails and complaints are believed.
type BouncesConfig struct {
	Trust    string `yaml:"trust"`
	BATVKeys string `yaml:"batv_keys"` // a file
}

// What bounces.trust may be: those that prove that they answer mail of ours, or
// all of them as they are.
const (
	trustVerified = "verified"
	trustAll      = "all"
)

// keys reads the BATV keys, one a line.
func (b *BouncesConfig) keys() (keys [][]byte, err error) {
	if b.BATVKeys == "" {
		return nil, nil
	}
	data, err := readFile(b.BATVKeys)
	if err != nil {
		return nil, fmt.Errorf("bounces.batv_keys: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		if key := strings.TrimRight(line, "\r\n"); key != "" {
			keys = append(keys, []byte(key))
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("bounces.batv_keys: %s is empty", b.BATVKeys)
	}
	return keys, nil
}

// DNSConfig is what is asked about addresses, and whom.
type DNSConfig struct {
	Enabled bool          `yaml:"enabled"`
	Servers []string      `yaml:"servers"`
	Zones   []string      `yaml:"zones"`
	Inbound bool          `yaml:"inbound"`
	Timeout time.Duration `yaml:"timeout"`
}

// EngineConfig is the embedded ClickHouse.
type EngineConfig struct {
	Library      string `yaml:"library"`
	Memory       int64  `yaml:"memory"` // MiB
	Listen       string `yaml:"listen"`
	ListenWriter bool   `yaml:"listen_writer"`
	User         string `yaml:"user"`
	Confinement  string `yaml:"confinement"`
}

// What to do where the kernel cannot confine the engine.
const (
	required  = "required"
	preferred = "preferred"
)

// confinement is what was chosen, else as bouncehouse.example.yaml says.
func (e EngineConfig) confinement() string {
	switch {
	case e.Confinement != "":
		return e.Confinement
	case e.Listen != "":
		return required
	}
	return preferred
}

//go:embed bouncehouse.example.yaml
var exampleConfig []byte

// defaultConfig is what holds where neither file nor flag says otherwise.
func defaultConfig() Config {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return Config{
		State:    defaultState(),
		Host:     host,
		Timezone: localZone(),
		Bounces:  BouncesConfig{Trust: trustVerified},
		DNS:      DNSConfig{Enabled: true, Timeout: 2 * time.Second},
		Engine:   EngineConfig{User: "bouncehouse-engine"},
		Kafka:    bouncehouse.KafkaOptions{Topic: "bouncehouse", Group: "bouncehouse"},
	}
}

// configFile is read where --config names none; it need not exist.
const configFile = "/etc/bouncehouse.yaml"

// maxFile bounds what is read of a file of the configuration.
const maxFile = 4 << 20

// readFile reads a file that the configuration or an argument names, up to its
// bound; /dev/null is an empty one.
func readFile(path string) ([]byte, error) {
	if st, err := os.Stat(path); err == nil {
		if null, err := os.Stat(os.DevNull); err == nil && os.SameFile(st, null) {
			return nil, nil
		}
	}
	f, err := ingest.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s: more than %d MB", path, maxFile>>20)
	}
	return data, err
}

// loadConfig reads path over the defaults. With path "" it reads configFile
// where that exists.
func loadConfig(path string) (Config, error) {
	c := defaultConfig()
	name := path
	if name == "" {
		name = configFile
	}
	data, err := readFile(name)
	if path == "" && errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("read the configuration: %w", err)
	}
	if err := parseYAML(data, &c); err != nil {
		return c, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// hostName is RFC 1123's, with the underscore that hosts have all the same.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$`)

// Validate reports every fault at once.
func (c *Config) Validate() error {
	var errs []error
	fault := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	if c.State == "" {
		fault("state", "must name a directory")
	}
	if slices.Contains(c.Paths, "") {
		fault("paths", "a path is empty")
	}
	if !hostName.MatchString(c.Host) {
		fault("host", "%q is no host name", c.Host)
	}
	if _, err := time.LoadLocation(c.Timezone); err != nil {
		fault("timezone", "%q is no time zone; give an IANA name such as Asia/Shanghai", c.Timezone)
	}
	for _, h := range append(append([]string{}, c.Hosts...), c.Domains...) {
		if !hostName.MatchString(h) {
			fault("hosts, domains", "%q is no host name", h)
		}
	}
	if c.ClickHouse != "" {
		// The value itself is not told: it may hold a password.
		u, err := url.Parse(c.ClickHouse)
		if err != nil || u.Host == "" || u.Scheme != "clickhouse" && u.Scheme != "http" && u.Scheme != "https" {
			fault("clickhouse", "the DSN must look like clickhouse://user:password@host:9000 or http://host:8123")
		}
	}
	if c.Cluster != "" && c.ClickHouse == "" {
		fault("cluster", "is of a server of your own: name one of its replicas in clickhouse")
	}
	if c.Bounces.Trust != trustVerified && c.Bounces.Trust != trustAll {
		fault("bounces.trust", "%q: must be verified or all", c.Bounces.Trust)
	}
	if c.DNS.Timeout <= 0 || c.DNS.Timeout > time.Minute {
		fault("dns.timeout", "%s: must be above 0 and at most 1m", c.DNS.Timeout)
	}
	for _, z := range c.DNS.Zones {
		if !hostName.MatchString(z) {
			fault("dns.zones", "%q is no zone", z)
		}
	}
	if c.Engine.Memory < 0 {
		fault("engine.memory", "%d MiB: must not be negative", c.Engine.Memory)
	}
	if m := c.Engine.Confinement; m != "" && m != required && m != preferred {
		fault("engine.confinement", "%q: must be %s or %s", m, required, preferred)
	}
	if len(c.Kafka.Brokers) > 0 {
		if err := c.Kafka.Validate(); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// redacted is c fit to be shown: the DSN's password is left out.
func (c Config) redacted() Config {
	if u, err := url.Parse(c.ClickHouse); err == nil && c.ClickHouse != "" {
		q := u.Query()
		for k := range q {
			if strings.Contains(strings.ToLower(k), "password") {
				q.Set(k, "xxxxx")
			}
		}
		u.RawQuery = q.Encode()
		c.ClickHouse = u.Redacted()
	}
	return c
}

// defaultState is /var/lib/bouncehouse for root, else below the user's own
// state directory (XDG Base Directory Specification).
func defaultState() string {
	if os.Geteuid() == 0 {
		return "/var/lib/bouncehouse"
	}
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "bouncehouse")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "state", "bouncehouse")
	}
	return "bouncehouse-state"
}

// localZone is the IANA name of this machine's time zone: a log that is
// parsed elsewhere needs the name, "Local" means nothing there.
func localZone() string {
	if tz, ok := os.LookupEnv("TZ"); ok {
		tz = strings.TrimPrefix(tz, ":")
		if tz == "" {
			return "UTC"
		}
		if _, err := time.LoadLocation(tz); err == nil {
			return tz
		}
	}
	if link, err := filepath.EvalSymlinks("/etc/localtime"); err == nil {
		if _, name, ok := strings.Cut(link, "/zoneinfo/"); ok {
			if _, err := time.LoadLocation(name); err == nil {
				return name
			}
		}
	}
	if b, err := os.ReadFile("/etc/timezone"); err == nil {
		if name := strings.TrimSpace(string(b)); name != "" {
			if _, err := time.LoadLocation(name); err == nil {
				return name
			}
		}
	}
	return "UTC"
}
