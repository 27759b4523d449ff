package overseertest

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/wire"
	statusv1 "github.com/reevenet/reeve/proto/reeve/status/v1"
)

// Status asks the subsystem how it is. A subsystem that is at rest answers at once.
func (o *Overseer) Status() *statusv1.StatusResponse {
	o.t.Helper()
	question, err := proto.Marshal(&statusv1.StatusRequest{Id: 1})
	if err != nil {
		o.t.Fatal(err)
	}
	var batch wire.Batch
	batch.Frame(wire.TagStatus, question)
	o.status = nil
	o.deliver(&batch)
	if o.status == nil {
		o.t.Fatalf("%s doesn't say how it is", o.spec.Name)
	}
	return o.status
}

// Number is the numeric field of a status with that name; the test fails when there is none.
func (o *Overseer) Number(name string) int64 {
	o.t.Helper()
	for _, f := range o.Status().GetFields() {
		if _, ok := f.GetValue().(*statusv1.Field_Number); ok && f.GetName() == name {
			return f.GetNumber()
		}
	}
	o.t.Fatalf("%s doesn't say how many its %s are", o.spec.Name, name)
	return 0
}

// Trouble is why a check of a status fails; empty when it holds. The test fails when there is no such check.
func (o *Overseer) Trouble(name string) string {
	o.t.Helper()
	for _, c := range o.Status().GetChecks() {
		if c.GetName() == name {
			return c.GetCause()
		}
	}
	o.t.Fatalf("%s has no check %s", o.spec.Name, name)
	return ""
}
