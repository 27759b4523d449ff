package pebbledb

import (
	"fmt"
	"log/slog"
)

// logger passes pebble's own lines on; they are for whoever debugs the store.
type logger struct {
	log  *slog.Logger
	life *life
}

func (l logger) Infof(format string, args ...any)  { l.log.Debug(fmt.Sprintf(format, args...)) }
func (l logger) Errorf(format string, args ...any) { l.log.Error(fmt.Sprintf(format, args...)) }

// Fatalf is called when pebble can't go on for another reason than the disk, of which it isn't told. It may not return.
func (l logger) Fatalf(format string, args ...any) {
	l.life.end(&hopelessError{fmt.Sprintf(format, args...)})
	select {}
}

// hopelessError is an end that says nothing of what is on the disk: a new process opens it.
type hopelessError struct{ why string }

func (e *hopelessError) Error() string { return "pebble can't go on: " + e.why }
