package engine

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// TestBodyBounds: what a client sends is bounded in size and in time before the engine sees any of it.
func TestBodyBounds(t *testing.T) {
	got := make(chan error, 1)
	s := newServer(&engine{}, Endpoint{}, slog.New(slog.DiscardHandler))
	s.maxBody, s.patience, s.bodies.most = 1<<20, 50*time.Millisecond, 1<<20+100
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := s.running.begin(r.Context(), "", cmp.Or(r.URL.Query().Get("user"), Writer), nil)
		if err != nil {
			t.Error(err)
		}
		defer s.running.end(p)
		q, err := s.read(w, r, r.URL.Query(), p)
		if err == nil {
			if q.held == 0 {
				t.Error("nothing taken from the budget")
			}
			q.close()
		}
		got <- err
		if err != nil {
			s.fail(w, "", err)
		}
	}))
	defer ts.Close()
	insert := "/?query=INSERT+INTO+t+FORMAT+TSV"
	send := func(body io.Reader, encoding string) error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, ts.URL+insert, body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Encoding", encoding)
		if res, err := http.DefaultClient.Do(req); err == nil {
			res.Body.Close()
		}
		return <-got
	}
	code := func(err error) int {
		var e *Error
		if errors.As(err, &e) {
			return e.Code
		}
		return 0
	}
	if err := send(strings.NewReader(strings.Repeat("x", 1<<19)), ""); err != nil {
		t.Error(err)
	}
	if err := send(strings.NewReader(strings.Repeat("x", 1<<21)), ""); code(err) != 307 {
		t.Errorf("too large: %v", err)
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := z.Write(make([]byte, 64<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := send(&bomb, "gzip"); code(err) != 307 {
		t.Errorf("bomb: %v", err)
	}
	s.bodies.take(1 << 19)
	if err := send(strings.NewReader(strings.Repeat("x", 1<<20)), ""); code(err) != 241 {
		t.Errorf("budget: %v", err)
	}
	s.bodies.give(1 << 19)
	if held := s.bodies.held.Load(); held != 0 {
		t.Errorf("%d bytes were not given back", held)
	}
	// A client that stops in the middle. The reader's INSERT is refused before, so that its data takes nothing from the
	// writer's.
	for _, tc := range []struct {
		target, body string
		code         int
	}{
		{insert, "abc", 209},
		{insert + "&user=reader", "abc", 164},
		{"/?user=reader", "INSERT INTO t FORMAT TSV\n" + strings.Repeat("x", maxStatement), 164},
	} {
		c, err := net.Dial("tcp", ts.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "POST "+tc.target+" HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n"+
			tc.body); err != nil {
			t.Fatal(err)
		}
		if err := <-got; code(err) != tc.code {
			t.Errorf("%s, and no more: %v", tc.target, err)
		}
	}
}

// TestSlowBody: a body has an end in time, however it comes, and the place that is held for it too: that of a request
// of the reader's, and one that is not looked at.
func TestSlowBody(t *testing.T) {
	s := newServer(&engine{}, Endpoint{ReaderPassword: "p"}, slog.New(slog.DiscardHandler))
	s.patience = 500 * time.Millisecond
	ts := httptest.NewServer(s)
	defer ts.Close()
	for _, request := range []string{"POST /?user=reader&password=p", "GET /ping"} {
		c, err := net.Dial("tcp", ts.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, request+" HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for err := error(nil); err == nil; time.Sleep(s.patience / 25) {
				_, err = io.WriteString(c, " ")
			}
		}()
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: its connection stays", request)
		}
		c.Close()
		<-ended
	}
	if held := s.reader.requests.held.Load(); held != 0 {
		t.Errorf("%d places are held", held)
	}
}

// TestAnswersNotTaken: what the reader leaves untaken is not the writer's loss. The sink asks what is there before it
// goes on.
func TestAnswersNotTaken(t *testing.T) {
	for memory, most := range map[int64]int64{64 << 20: readerResultBytes, 1 << 30: 512 << 20,
		2 * maxAnswers: maxAnswers, 1 << 40: maxAnswers} {
		if got := newServer(&engine{memory: memory}, Endpoint{},
			slog.New(slog.DiscardHandler)).guest.answers.most; got != most {
			t.Errorf("beside %d MB: %d MB of answers", memory>>20, got>>20)
		}
	}
	s := newServer(&engine{memory: 2 * maxAnswers}, Endpoint{}, slog.New(slog.DiscardHandler))
	if !s.guest.answers.take(maxAnswers) {
		t.Fatal("no room for the reader's answers")
	}
	if _, err := within(&result{size: 1}, &s.guest.answers, 1); err != errAnswers {
		t.Errorf("one more of the reader's: %v", err)
	}
	if res, err := within(&result{size: 1}, &s.writer.answers, 1); err != nil || res.held != 1 {
		t.Errorf("one of the writer's: %v", err)
	}
}
