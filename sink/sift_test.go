package sink

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// No field of an event is stored that is longer than its bound, or has a value that its closed list has not.
func TestSiftHasEveryField(t *testing.T) {
	good := bouncehouse.Event{
		Origin: bouncehouse.Origin{Stream: "mx1:/var/log/mail.log", FileID: "f"}, Time: time.Unix(1_700_000_000, 0),
		Source: bouncehouse.Postfix, Direction: bouncehouse.Outbound, Outcome: bouncehouse.Bounced,
		Class: bouncehouse.Classes()[0],
	}
	known := declared()
	if err := known.check(&good); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", bouncehouse.MaxText+1)
	tried := 0
	for _, f := range reflect.VisibleFields(reflect.TypeFor[bouncehouse.Event]()) {
		if f.Name == "File" { // is no column
			continue
		}
		e := good
		v := reflect.ValueOf(&e).Elem().FieldByIndex(f.Index)
		switch {
		case f.Type.Kind() == reflect.String:
			v.SetString(long)
		case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.String:
			v.Set(reflect.ValueOf([]string{long}))
		default:
			continue
		}
		tried++
		if known.check(&e) == nil {
			t.Errorf("%s of %d bytes is stored", f.Name, len(long))
		}
	}
	if tried < 25 {
		t.Errorf("%d fields tried", tried)
	}
}
