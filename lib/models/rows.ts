// Rows of the schema that every classifier has.
import { number } from '../schema';

export const labelSmoothing = number(0, [0, 0.99], 'part of the target that is spread over all classes in training');
