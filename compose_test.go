package bouncehouse_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// composeSecrets are what docker-compose.yml must be given.
var composeSecrets = []string{"CLICKHOUSE_PASSWORD", "CLICKHOUSE_READER_PASSWORD", "GRAFANA_PASSWORD", "MAIL_HOST"}

// loadCompose loads docker-compose.yml as `docker compose config` does, with
// nothing of this machine's environment, without the variable named missing.
func loadCompose(t *testing.T, missing string) (*types.Project, error) {
	t.Helper()
	var env []string
	for _, name := range composeSecrets {
		if name != missing {
			env = append(env, name+"=value-of-"+name)
		}
	}
	options, err := cli.NewProjectOptions([]string{"docker-compose.yml"}, cli.WithEnv(env))
	if err != nil {
		t.Fatal(err)
	}
	return options.LoadProject(context.Background())
}

func TestCompose(t *testing.T) {
	p, err := loadCompose(t, "")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"clickhouse", "grafana", "ingest", "kafka", "process"}
	if got := p.ServiceNames(); !slices.Equal(got, want) {
		t.Fatalf("services %v, not %v", got, want)
	}
	for name, s := range p.Services {
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is published on %q, not on loopback", name, port.Published, port.HostIP)
			}
		}
		if s.Restart != "unless-stopped" {
			t.Errorf("%s: restart %q", name, s.Restart)
		}
		if s.Build == nil && (s.HealthCheck == nil || len(s.HealthCheck.Test) == 0) {
			t.Errorf("%s: no health check", name)
		}
		if s.Image == "" || s.Build == nil && (!strings.Contains(s.Image, ":") ||
			strings.HasSuffix(s.Image, ":latest")) {
			t.Errorf("%s: image %q has no version", name, s.Image)
		}
		for on, d := range s.DependsOn {
			if d.Condition != types.ServiceConditionHealthy {
				t.Errorf("%s waits for %s until it is %s", name, on, d.Condition)
			}
		}
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeVolume && p.Volumes[v.Source].Name == "" {
				t.Errorf("%s: volume %s is not declared", name, v.Source)
			}
		}
		for _, c := range s.Configs {
			if p.Configs[c.Source].Content == "" {
				t.Errorf("%s: config %s is empty", name, c.Source)
			}
		}
	}
	for name, on := range map[string][]string{"ingest": {"kafka"}, "process": {"clickhouse", "kafka"},
		"grafana": {"clickhouse"}} {
		s := p.Services[name]
		if got := s.GetDependencies(); !slices.Equal(slices.Sorted(slices.Values(got)), on) {
			t.Errorf("%s depends on %v, not %v", name, got, on)
		}
	}
	for _, name := range []string{"kafka", "clickhouse", "grafana", "ingest"} { // what must outlive its container
		if !slices.ContainsFunc(p.Services[name].Volumes,
			func(v types.ServiceVolumeConfig) bool { return v.Type == types.VolumeTypeVolume }) {
			t.Errorf("%s keeps nothing", name)
		}
	}
	if got := p.Services["ingest"].Hostname; got != "value-of-MAIL_HOST" {
		t.Errorf("the host name of ingest is %q: streams would change their names with the container", got)
	}
	if got := p.Configs["grafana-clickhouse"].Content; !strings.Contains(got, "password: $CLICKHOUSE_READER_PASSWORD") {
		t.Errorf("Grafana's data source:\n%s", got)
	}

	pom, err := os.ReadFile(filepath.Join("test", "kafka", "pom.xml"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`<kafka.version>(.+)</kafka.version>`).FindSubmatch(pom)
	if m == nil || p.Services["kafka"].Image != "apache/kafka:"+string(m[1]) {
		t.Errorf("%s is not the version that the tests try: %s", p.Services["kafka"].Image, m)
	}
}

// TestComposeRoles holds the commands in docker-compose.yml to those that the
// command line has.
func TestComposeRoles(t *testing.T) {
	p, err := loadCompose(t, "")
	if err != nil {
		t.Fatal(err)
	}
	flags := map[string][]string{
		"ingest":  {"--config", "--state", "--kafka", "--topic", "--partitions", "--replication"},
		"process": {"--config", "--state", "--kafka", "--topic", "--group", "--clickhouse"},
	}
	needed := map[string][]string{"ingest": {"--kafka", "--state"}, "process": {"--kafka", "--group"}}
	for role, known := range flags {
		s := p.Services[role]
		if s.Build == nil || s.Build.Context == "" {
			t.Errorf("%s is not built from here", role)
			continue
		}
		if len(s.Command) == 0 || s.Command[0] != role {
			t.Errorf("%s runs %v", role, s.Command)
			continue
		}
		for _, arg := range s.Command[1:] {
			if strings.HasPrefix(arg, "-") && !slices.Contains(known, arg) {
				t.Errorf("%s has no flag %s", role, arg)
			}
		}
		for _, flag := range needed[role] {
			if !slices.Contains(s.Command, flag) {
				t.Errorf("%s runs without %s", role, flag)
			}
		}
		if !s.ReadOnly || len(s.CapDrop) == 0 {
			t.Errorf("%s may do more than it must", role)
		}
	}
	if dsn := p.Services["process"].Environment["BOUNCEHOUSE_CLICKHOUSE"]; dsn == nil ||
		*dsn != "clickhouse://bouncehouse:value-of-CLICKHOUSE_PASSWORD@clickhouse:9000/bouncehouse" {
		t.Error("process is not told where ClickHouse is")
	}
}

// TestComposeSecrets: without each of them nothing starts, and none has a
// value in the file.
func TestComposeSecrets(t *testing.T) {
	for _, name := range composeSecrets {
		if _, err := loadCompose(t, name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	file, err := os.ReadFile("docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?im)^\s*\S*password\S*:\s*(.*)$`).FindAllStringSubmatch(string(file), -1) {
		if !strings.HasPrefix(m[1], "${") && !strings.HasPrefix(m[1], "$$") {
			t.Errorf("a password in the file: %s", strings.TrimSpace(m[0]))
		}
	}
}
