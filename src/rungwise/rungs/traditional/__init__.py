"""Linear models, kernels, trees and n-grams."""
