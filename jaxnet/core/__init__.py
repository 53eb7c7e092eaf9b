"""The ground floor: types, error wording, checks and tree arithmetic."""
