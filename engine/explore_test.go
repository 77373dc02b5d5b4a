package engine

import (
	"fmt"
	"os"
	"testing"
	"time"
)

func TestExplore(t *testing.T) {
	os.Setenv("CHDB_LIB_PATH", "/work/main/.cache/engine/libchdb.so")
	p, err := FindLibrary()
	if err != nil {
		t.Fatal(err)
	}
	t0 := time.Now()
	l, err := load(p)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("load", time.Since(t0))
	dir := t.TempDir()
	t0 = time.Now()
	c, err := l.open("--path=" + dir + "/data")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("open", time.Since(t0))
	try := func(c *conn, q string) {
		t0 := time.Now()
		r, err := c.run(q, "TabSeparated", nil)
		if err != nil {
			fmt.Printf("%s\n   ERR %v %v\n", q, err, time.Since(t0))
			return
		}
		d := r.data
		if len(d) > 600 {
			d = d[:600]
		}
		fmt.Printf("%s\n   %q rows=%d read=%d bytes=%d written=%d/%d %v %v\n", q, d, r.rows, r.read, r.bytes, r.written, r.writtenBytes, r.elapsed, time.Since(t0))
		r.free()
	}
	try(c, "SELECT version(), displayName(), timezone(), revision(), currentUser(), currentDatabase()")
	t0 = time.Now()
	for i := 0; i < 50; i++ {
		c2, err := l.open("--path=" + dir + "/data")
		if err != nil {
			t.Fatal(err)
		}
		c2.close()
	}
	fmt.Println("open+close each", time.Since(t0)/50)
	t0 = time.Now()
	for i := 0; i < 50; i++ {
		c2, err := l.open("--path=" + dir + "/data")
		if err != nil {
			t.Fatal(err)
		}
		r, err := c2.run("SELECT 1", "Native", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.free()
		c2.close()
	}
	fmt.Println("open+select+close each", time.Since(t0)/50)
	t0 = time.Now()
	for i := 0; i < 50; i++ {
		r, err := c.run("SELECT 1", "Native", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.free()
	}
	fmt.Println("select each", time.Since(t0)/50)
	try(c, "SHOW DATABASES")
	try(c, "SELECT name, engine FROM system.databases")
	try(c, "CREATE DATABASE IF NOT EXISTS bouncehouse")
	try(c, "SET query_id='abc'")
	try(c, "SET log_comment='my-id-1'")
	try(c, "SELECT query_id, Settings['log_comment'], query FROM system.processes")
	try(c, "SET log_comment=DEFAULT")
	try(c, "SELECT query_id, Settings['log_comment'], query FROM system.processes SETTINGS log_comment='xx'")
	try(c, "SELECT value FROM system.server_settings WHERE name='max_server_memory_usage'")
	// a second sees and kills it?
	done := make(chan struct{})
	c2, _ := l.open("--path=" + dir + "/data")
	go func() {
		try(c2, "SELECT count() FROM numbers(100000000000) WHERE NOT ignore(sipHash64(number)) SETTINGS log_comment='long'")
		close(done)
	}()
	time.Sleep(500 * time.Millisecond)
	try(c, "SELECT query_id, Settings['log_comment'], query FROM system.processes")
	try(c, "KILL QUERY WHERE Settings['log_comment']='long' SYNC FORMAT TSV")
	<-done
	try(c2, "SELECT 5")
	// reader
	os.WriteFile(dir+"/secret.csv", []byte("a,b\n1,2\n"), 0o600)
	try(c2, "SET readonly=1")
	try(c2, "SET readonly=0")
	try(c2, "SET max_threads=1")
	try(c2, "SELECT 1 SETTINGS readonly=0")
	try(c2, "SELECT 1 SETTINGS max_threads=1")
	try(c2, "SELECT * FROM file('"+dir+"/secret.csv')")
	try(c2, "SELECT * FROM default.`"+dir+"/secret.csv`")
	try(c2, "SELECT * FROM `"+dir+"/secret.csv`")
	try(c, "SELECT * FROM `"+dir+"/secret.csv`")
	try(c2, "SELECT 1 INTO OUTFILE '"+dir+"/out.csv'")
	try(c2, "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')")
	try(c2, "SELECT * FROM loop(file('"+dir+"/secret.csv'))")
	try(c2, "SELECT file('"+dir+"/secret.csv')")
	try(c2, "DESCRIBE file('"+dir+"/secret.csv')")
	try(c2, "DESCRIBE `"+dir+"/secret.csv`")
	try(c2, "SHOW TABLES FROM default")
	try(c2, "CREATE TEMPORARY TABLE x (a Int8)")
	try(c2, "CREATE DATABASE x")
	try(c2, "INSERT INTO FUNCTION file('"+dir+"/o.csv') SELECT 1")
	try(c2, "SYSTEM FLUSH LOGS")
	try(c2, "KILL QUERY WHERE 1")
	try(c2, "SELECT 1; SELECT 2")
	try(c2, "SELECT 1; SET readonly=0; SELECT 2")
	try(c2, "USE system")
	try(c2, "SELECT currentDatabase()")
	try(c2, "SELECT * FROM executable('x.sh', 'CSV', 'a String')")
	try(c2, "SELECT * FROM filesystem('"+dir+"')")
	try(c2, "SELECT * FROM python('x')")
	try(c2, "SHOW CREATE DATABASE default")
	try(c2, "SELECT name FROM system.table_functions FORMAT TSV")
	try(c, "DETACH DATABASE default")
	try(c, "DROP DATABASE default")
	try(c, "SHOW DATABASES")
	try(c2, "SELECT * FROM default.`"+dir+"/secret.csv`")
	try(c, "SELECT version()")
	c3, err := l.open("--path=" + dir + "/data")
	fmt.Println(err)
	if err == nil {
		try(c3, "SELECT currentDatabase()")
		try(c3, "SHOW DATABASES")
	}
}
