package ingest

import (
	"io"
	"maps"
	"regexp"
	"slices"
)

// syslogHost is the host in a syslog header: RFC 3164 section 4.1.2, and as
// rsyslog, syslog-ng and RFC 5424 write the time.
var syslogHost = regexp.MustCompile(`(?m)^(?:<\d{1,3}>\d? ?)?` +
	`(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*) ([\w.:-]*\w) `)

const (
	hostsFiles = 4        // of a log, the newest, are asked for their hosts
	hostsBytes = 16 << 10 // at each of their ends
)

// hostsOf are the hosts that the log at path names, with what was rotated
// beside it; none where its lines tell no host.
func hostsOf(path string) map[string]bool {
	hosts := map[string]bool{}
	files, _ := list(path, nil)
	paths := []string{path}
	for _, s := range files[max(0, len(files)-hostsFiles):] {
		paths = append(paths, s.path)
	}
	for _, path := range paths {
		f, info, err := openRegular(path)
		if err != nil {
			continue
		}
		c, _, kind, err := sniff(f)
		if err == nil && kind == kindLog {
			for _, at := range []int64{0, info.Size() - hostsBytes} {
				if at < 0 || at > 0 && c.packed() {
					continue
				}
				buf := make([]byte, hostsBytes)
				n, _ := io.NewSectionReader(c, at, hostsBytes).Read(buf)
				for _, m := range syslogHost.FindAllSubmatch(buf[:n], -1) {
					hosts[string(m[1])] = true
				}
			}
		}
		if err == nil {
			c.close()
		}
		f.Close()
	}
	return hosts
}

// apart tells that two logs are not of one host: each names some, and none is
// in both.
func apart(a, b map[string]bool) bool {
	return len(a) > 0 && len(b) > 0 && !slices.ContainsFunc(slices.Collect(maps.Keys(a)),
		func(host string) bool { return b[host] })
}
