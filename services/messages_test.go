package services_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/reevenet/reeve/internal/bus/registry"
	bitfieldsigningv1 "github.com/reevenet/reeve/proto/reeve/bitfieldsigning/v1"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	"github.com/reevenet/reeve/services"
)

const messages = "../docs/messages.md"

// silent is the one enum that has no variants. It stands in the table itself.
var silent = (&bitfieldsigningv1.BitfieldSigningMessage{}).ProtoReflect().Descriptor().FullName()

// sums are the messages of which every kind stands in the table.
var sums = []proto.Message{
	&overseerv1.Signal{}, &nbv1.NetworkBridgeEvent{}, &misbehaviorv1.MisbehaviorReport{},
	&provisionerv1.ProvisionableData{}, &runtimeapiv1.RuntimeApiRequest{},
}

// row is a line of a table: what the protocol's first draft calls it, what it is here, and who says it to whom.
type row struct {
	line           string
	name           protoreflect.FullName
	from, to       []string
	file, exercise string
}

const nobody = "–"

var (
	messageRow = regexp.MustCompile(
		"(?m)^\\|[^|]+\\| `([a-zA-Z_.]+)` \\| ([^|]+) \\| ([^|]+) \\| \\[`(\\w+)`\\]\\((\\S+)\\) \\|$")
	anyRow = regexp.MustCompile("(?m)^\\| [^|]+\\| `.*$")
)

// rows reads the tables. A name there is a full name without the first word and the version: candidatebacking.Second.
func rows(t *testing.T) (all []row) {
	t.Helper()
	text, err := os.ReadFile(messages)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messageRow.FindAllStringSubmatch(string(text), -1) {
		folder, name, _ := strings.Cut(m[1], ".")
		all = append(all, row{
			line: m[0],
			name: protoreflect.FullName("reeve." + folder + ".v1." + name),
			from: cell(m[2]), to: cell(m[3]), exercise: m[4], file: m[5],
		})
	}
	if n := len(anyRow.FindAllString(string(text), -1)); n != len(all) || n == 0 {
		t.Fatalf("%d of %d rows can be read", len(all), n)
	}
	return all
}

func cell(text string) []string {
	if text == nobody {
		return nil
	}
	return strings.Split(text, ", ")
}

func TestTheTableOfMessagesIsWhole(t *testing.T) {
	there := map[protoreflect.FullName]bool{}
	for _, r := range rows(t) {
		if there[r.name] {
			t.Errorf("%s stands there twice", r.name)
		}
		there[r.name] = true
	}
	for _, name := range needed() {
		if !there[name] {
			t.Errorf("%s isn't in the table", name)
		}
	}
}

// needed are the variants of the parachain host and of the network bridge, the kinds of all sums, and the roles.
func needed() (names []protoreflect.FullName) {
	for _, p := range services.Parts() {
		if p.Host || p.Spec.Name == "network-bridge" {
			for _, v := range registry.Node().Variants(p.Spec.Name) {
				names = append(names, v.Name)
			}
		}
	}
	for _, sum := range sums {
		kinds := sum.ProtoReflect().Descriptor().Oneofs().ByName("kind").Fields()
		for i := range kinds.Len() {
			names = append(names, kinds.Get(i).FullName())
		}
	}
	roles := nbv1.Role(0).Descriptor().Values()
	for i := 1; i < roles.Len(); i++ { // the first says that none is set
		names = append(names, roles.Get(i).FullName())
	}
	return append(names, (&nbv1.View{}).ProtoReflect().Descriptor().FullName())
}

// Who sends a variant and who gets it is what the parts declare; -update writes that. What is inside a variant is said
// by some of those who send it, to all who get it.
func TestTheTableOfMessagesAgreesWithTheParts(t *testing.T) {
	signals := reach((&overseerv1.Signal{}).ProtoReflect().Descriptor())
	for _, r := range rows(t) {
		from, to := parties(r.name)
		if signals[r.name] {
			from, to = []string{"overseer"}, []string{"all"}
		}
		if to == nil {
			t.Errorf("%s is nothing that a message of a node can hold", r.name)
		}
		if registry.Node().Named(string(r.name)) != nil && *update {
			rewrite(t, r, from, to)
			continue
		}
		if registry.Node().Named(string(r.name)) != nil && !slices.Equal(from, r.from) {
			t.Errorf("%s is sent by %v, not by %v: -update", r.name, from, r.from)
		}
		if !slices.Equal(to, r.to) && !slices.Equal(r.to, []string{"whoever registered"}) {
			t.Errorf("%s goes to %v, not to %v", r.name, to, r.to)
		}
		for _, name := range r.from {
			if !slices.Contains(from, name) {
				t.Errorf("%s isn't sent by %s", r.name, name)
			}
		}
	}
}

// rewrite puts other parties into a row.
func rewrite(t *testing.T, r row, from, to []string) {
	t.Helper()
	text, err := os.ReadFile(messages)
	if err != nil {
		t.Fatal(err)
	}
	fresh := strings.Replace(r.line, cells(r.from, r.to), cells(from, to), 1)
	text = bytes.Replace(text, []byte(r.line), []byte(fresh), 1)
	if err := os.WriteFile(messages, text, 0o644); err != nil { //nolint:gosec // a document is for everybody
		t.Fatal(err)
	}
}

func cells(from, to []string) string {
	if len(from) == 0 {
		from = []string{nobody}
	}
	return "` | " + strings.Join(from, ", ") + " | " + strings.Join(to, ", ") + " | ["
}

// parties are the subsystems that declare to send a variant, and the one that gets it; of what is no variant, those of
// all variants that can hold it.
func parties(name protoreflect.FullName) (from, to []string) {
	if v := registry.Node().Named(string(name)); v != nil {
		return senders(v), []string{v.Subsystem}
	}
	if name == silent {
		return nil, []string{"bitfield-signing"}
	}
	for _, subsystem := range registry.Node().Subsystems() {
		for _, v := range registry.Node().Variants(subsystem) {
			if reach(v.New().ProtoReflect().Descriptor())[name] {
				from, to = append(from, senders(v)...), append(to, v.Subsystem)
			}
		}
	}
	slices.Sort(to)
	return from, slices.Compact(to)
}

func senders(v *registry.Variant) (names []string) {
	for _, p := range services.Parts() {
		for _, m := range slices.Concat(p.Spec.Sends, p.Spec.Asks) {
			if registry.Node().Of(m) == v {
				names = append(names, p.Spec.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// reach are the names of a message, of its fields, and of all that they can hold.
func reach(m protoreflect.MessageDescriptor) map[protoreflect.FullName]bool {
	seen := map[protoreflect.FullName]bool{}
	var walk func(m protoreflect.MessageDescriptor)
	walk = func(m protoreflect.MessageDescriptor) {
		if seen[m.FullName()] {
			return
		}
		seen[m.FullName()] = true
		for i := range m.Fields().Len() {
			f := m.Fields().Get(i)
			seen[f.FullName()] = true
			if f.Message() != nil {
				walk(f.Message())
			}
			if f.Enum() != nil {
				for j := range f.Enum().Values().Len() {
					seen[f.Enum().Values().Get(j).FullName()] = true
				}
			}
		}
	}
	walk(m)
	return seen
}

// Each row names a test that exists, in a package whose tests name the message.
func TestWhatTheTableOfMessagesSaysIsExercisedIs(t *testing.T) {
	for _, r := range rows(t) {
		if _, err := protoregistry.GlobalFiles.FindDescriptorByName(r.name); err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
		file := filepath.Join(filepath.Dir(messages), r.file)
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), "func "+r.exercise+"(t *testing.T)") {
			t.Errorf("%s: %s has no %s: %v", r.name, r.file, r.exercise, err)
		}
		if r.name != silent && !named(t, filepath.Dir(file), string(r.name.Name())) {
			t.Errorf("%s: no test of %s names it", r.name, filepath.Dir(r.file))
		}
	}
}

// named tells whether tests in a folder name a message or a kind, in the protocol's spelling or in Go's.
func named(t *testing.T, folder, name string) bool {
	t.Helper()
	goName := ""
	for word := range strings.SplitSeq(name, "_") {
		goName += strings.ToUpper(word[:1]) + word[1:]
	}
	word := regexp.MustCompile(`\b(Get|\w+_)?(` + name + `|` + goName + `)\b`)
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		return err == nil && word.Match(text)
	})
}
