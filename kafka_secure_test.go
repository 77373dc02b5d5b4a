package bouncehouse_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/ingest"
	"github.com/bouncehouse/bouncehouse/sink"
)

const kafkaPassword = "correct-horse-battery"

// TestKafkaSecure sends a chunk from the sink to the reader by each way of
// being let in; brokers ask for a client certificate wherever there is TLS.
func TestKafkaSecure(t *testing.T) {
	dir := t.TempDir()
	server := certificates(t, dir)
	file := filepath.Join(dir, "password")
	if err := os.WriteFile(file, []byte(kafkaPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BOUNCEHOUSE_TEST_PASSWORD", kafkaPassword)
	client := bouncehouse.KafkaTLS{Enabled: true, CA: filepath.Join(dir, "ca.pem"),
		Cert: filepath.Join(dir, "client.pem"), Key: filepath.Join(dir, "client.key")}
	for name, c := range map[string]struct {
		tls  bouncehouse.KafkaTLS
		sasl bouncehouse.KafkaSASL
	}{
		"tls": {tls: client},
		"tls plain": {client, bouncehouse.KafkaSASL{Mechanism: bouncehouse.SASLPlain, User: "u",
			PasswordFile: file}},
		"scram 256": {sasl: bouncehouse.KafkaSASL{Mechanism: bouncehouse.SASLScramSHA256, User: "u",
			PasswordFile: file}},
		"tls scram 512 env": {client, bouncehouse.KafkaSASL{Mechanism: bouncehouse.SASLScramSHA512, User: "u",
			PasswordEnv: "BOUNCEHOUSE_TEST_PASSWORD"}},
	} {
		t.Run(name, func(t *testing.T) {
			opts := []kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(1, "mail")}
			if c.tls.Enabled {
				opts = append(opts, kfake.TLS(server))
			}
			if c.sasl.Mechanism != "" {
				opts = append(opts, kfake.EnableSASL(), kfake.Superuser(c.sasl.Mechanism, "u", kafkaPassword))
			}
			brokers, err := kfake.NewCluster(opts...)
			if err != nil {
				t.Fatal(err)
			}
			defer brokers.Close()
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			o := bouncehouse.KafkaOptions{Brokers: brokers.ListenAddrs(), Topic: "mail", Group: "g", TLS: c.tls,
				SASL: c.sasl}
			through(t, o)

			if c.tls.Enabled {
				unknown := o
				unknown.TLS.CA = ""
				refused(t, unknown, "certificate signed by unknown authority")
			}
			if c.sasl.Mechanism != "" {
				wrong := o
				t.Setenv("BOUNCEHOUSE_TEST_WRONG", "not-"+kafkaPassword)
				wrong.SASL.PasswordFile, wrong.SASL.PasswordEnv = "", "BOUNCEHOUSE_TEST_WRONG"
				refused(t, wrong, "SASL")
			}
		})
	}
}

// through sends one chunk and reads it.
func through(t *testing.T, o bouncehouse.KafkaOptions) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	out, err := sink.NewKafka(o, logger)
	if err != nil {
		t.Fatal(err)
	}
	if err := sink.EnsureTopic(ctx, o, 1, 1); err != nil {
		t.Fatal(err)
	}
	sent := bouncehouse.Chunk{Stream: "s", Seq: 1, FileID: "f", Kind: bouncehouse.Lines, Data: "a line\n"}
	if err := out.Write(ctx, bouncehouse.Batch{Chunks: []bouncehouse.Chunk{sent}}, nil); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	in, err := ingest.NewKafka(o, func(context.Context, string) (uint64, error) { return 0, nil }, logger)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	err = in.Run(ctx, func(ctx context.Context, src bouncehouse.Source) error {
		b, err := src.Read(ctx)
		if err == nil {
			err = src.Intend(ctx, b)
		}
		if err == nil {
			err = src.Commit(ctx, b)
		}
		if err != nil {
			return err
		}
		got = b.Chunks[0].Data
		cancel()
		return nil
	})
	if got != sent.Data {
		t.Errorf("read %q: %v\n%s", got, err, &log)
	}
	if strings.Contains(log.String(), kafkaPassword) {
		t.Error("the password is in the log")
	}
}

// refused expects an error that says why, and not the password.
func refused(t *testing.T, o bouncehouse.KafkaOptions, why string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	err := sink.EnsureTopic(ctx, o, 1, 1)
	if err == nil || !strings.Contains(err.Error(), why) || strings.Contains(err.Error(), kafkaPassword) {
		t.Errorf("not refused for %q: %v", why, err)
	}
	var log bytes.Buffer
	in, err := ingest.NewKafka(o, nil, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Run(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the reader: %v", err)
	}
	if !strings.Contains(log.String(), why) || strings.Contains(log.String(), kafkaPassword) {
		t.Errorf("the reader says nothing of %q: %s", why, &log)
	}
}

// certificates writes an authority and a client's pair to dir, and returns
// what a server needs that asks for the client's.
func certificates(t *testing.T, dir string) *tls.Config {
	t.Helper()
	write := func(name, kind string, der []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}),
			0o600); err != nil {
			t.Fatal(err)
		}
	}
	key := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	template := func(serial int64, name string) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
			NotAfter:    time.Now().Add(time.Hour),
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	}
	sign := func(c, by *x509.Certificate, pub *ecdsa.PublicKey, with *ecdsa.PrivateKey) []byte {
		der, err := x509.CreateCertificate(rand.Reader, c, by, pub, with)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	ca, caKey := template(1, "ca.example"), key()
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	caDER := sign(ca, ca, &caKey.PublicKey, caKey)
	write("ca.pem", "CERTIFICATE", caDER)
	clientKey, serverKey := key(), key()
	write("client.pem", "CERTIFICATE", sign(template(2, "client.example"), ca, &clientKey.PublicKey, caKey))
	der, err := x509.MarshalECPrivateKey(clientKey)
	if err != nil {
		t.Fatal(err)
	}
	write("client.key", "EC PRIVATE KEY", der)
	authority, err := x509.ParseCertificate(caDER)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(authority)
	return &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
		Certificates: []tls.Certificate{{Certificate: [][]byte{sign(template(3, "server.example"), ca,
			&serverKey.PublicKey, caKey)}, PrivateKey: serverKey}}}
}
