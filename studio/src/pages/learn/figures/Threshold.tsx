export default function Threshold() {
  return null;
}
