package protocheck

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	optionsv1 "github.com/reevenet/reeve/proto/reeve/options/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Packages that hold no subsystem's enum.
var withoutEnum = []string{"options", "primitives", "status"}

// subsystemOf cuts "povdistribution" out of "reeve.povdistribution.v1", and "vm" out of "reeve.vm.plugin.v1"; it is
// empty for packages that aren't ours.
func subsystemOf(pkg protoreflect.FullName) string {
	parts := strings.Split(string(pkg), ".")
	if len(parts) < 3 || parts[0] != "reeve" {
		return ""
	}
	return parts[1]
}

// messages returns all top-level messages of our packages by subsystem, in order of file and place.
func messages() map[string][]protoreflect.MessageDescriptor {
	byPackage := map[string][]protoreflect.MessageDescriptor{}
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		if name := subsystemOf(f.Package()); name != "" {
			for i := range f.Messages().Len() {
				byPackage[name] = append(byPackage[name], f.Messages().Get(i))
			}
		}
		return true
	})
	return byPackage
}

// enumOf finds a subsystem's enum, PoVDistributionMessage in package povdistribution; nil if there is none.
func enumOf(name string, all []protoreflect.MessageDescriptor) protoreflect.MessageDescriptor {
	for _, m := range all {
		if strings.EqualFold(string(m.Name()), name+"Message") {
			return m
		}
	}
	return nil
}

// carriage is what a message's option says, nil if it has none.
func carriage(m protoreflect.MessageDescriptor) *optionsv1.Variant {
	if !proto.HasExtension(m.Options(), optionsv1.E_Variant) {
		return nil
	}
	return proto.GetExtension(m.Options(), optionsv1.E_Variant).(*optionsv1.Variant)
}

// eachVariant calls f for every variant of every enum.
func eachVariant(t *testing.T, f func(t *testing.T, field protoreflect.FieldDescriptor, v *optionsv1.Variant)) {
	seen := 0
	for name, all := range messages() {
		enum := enumOf(name, all)
		if enum == nil {
			continue
		}
		for i := range enum.Fields().Len() {
			field := enum.Fields().Get(i)
			seen++
			t.Run(string(field.FullName()), func(t *testing.T) {
				if field.Message() == nil {
					t.Fatal("a variant is a message of its own")
				}
				if v := carriage(field.Message()); v != nil {
					f(t, field, v)
				} else {
					t.Errorf("%s doesn't say how it is carried: add option (reeve.options.v1.variant)",
						field.Message().FullName())
				}
			})
		}
	}
	if seen < 60 {
		t.Errorf("only %d variants were found: the search is broken", seen)
	}
}

func TestEverySubsystemHasItsEnum(t *testing.T) {
	for name, all := range messages() {
		if slices.Contains(withoutEnum, name) {
			continue
		}
		enum := enumOf(name, all)
		if enum == nil {
			t.Errorf("package reeve.%s.v1 has no message that is named after it", name)
			continue
		}
		for i := range enum.Fields().Len() {
			if o := enum.Fields().Get(i).ContainingOneof(); o == nil || o.Name() != "kind" {
				t.Errorf("%s stands outside of oneof kind", enum.Fields().Get(i).FullName())
			}
		}
	}
}

func TestTheDirectoryHoldsEveryEnumUnderItsName(t *testing.T) {
	fields := new(overseerv1.AllMessages).ProtoReflect().Descriptor().Fields()
	listed := map[string]bool{}
	for i := range fields.Len() {
		field := fields.Get(i)
		want := strings.ReplaceAll(string(field.Name()), "_", "")
		if got := subsystemOf(field.Message().ParentFile().Package()); got != want {
			t.Errorf("%s holds an enum of package %s", field.FullName(), got)
		}
		listed[want] = true
	}
	folders, err := filepath.Glob("../reeve/*/v1")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		name := filepath.Base(filepath.Dir(folder))
		if !slices.Contains(withoutEnum, name) && !listed[name] {
			t.Errorf("nobody can be sent a message of %s: AllMessages doesn't have its enum", folder)
		}
	}
}
