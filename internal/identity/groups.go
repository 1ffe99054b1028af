package identity

// MaxGroups is how many groups a user may be in.
const MaxGroups = 10
