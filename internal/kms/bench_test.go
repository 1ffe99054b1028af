package kms_test

import (
	"testing"

	"github.com/nifuda/nifuda/internal/kms"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

// BenchmarkKeys measures what a request costs here, on each database.
func BenchmarkKeys(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *store.Store{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			k := newService(open(b), newClock())
			id := newKey(b, k)
			context := context1("arn:aws:ecr:us-east-1:123456789012:repository/app")
			grant := must(k.CreateGrant(b.Context(), id, kms.Terms{Grantee: ecr, Operations: []string{"GenerateDataKey", "Decrypt"}, Subset: context}))
			service := k.AsService(ecr, grant.ID)
			text := encrypt(b, k, id, "0123456789abcdef0123456789abcdef", context)
			b.Run("decrypt", func(b *testing.B) {
				for b.Loop() {
					wantText(b, k, id, text, context, "0123456789abcdef0123456789abcdef")
				}
			})
			b.Run("check", func(b *testing.B) {
				for b.Loop() {
					check(b, service.Check(b.Context(), id, context))
				}
			})
			b.Run("create", func(b *testing.B) {
				for b.Loop() {
					newKey(b, k)
				}
			})
		})
	}
}
