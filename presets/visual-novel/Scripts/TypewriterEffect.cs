using UnityEngine;
using UnityEngine.UI;

namespace Spark.VisualNovel
{
    /// <summary>
    /// Shows only the first part of a text by making the rest transparent. The text itself never changes: words do not jump to
    /// the next line while they are typed, and no string is made per letter.
    /// </summary>
    [RequireComponent(typeof(Text))]
    public sealed class TypewriterEffect : BaseMeshEffect
    {
        private const int VerticesPerLetter = 4;

        private float fraction = 1f;

        /// <summary>How much is shown, from 0 to 1.</summary>
        public float Fraction
        {
            get => fraction;
            set
            {
                float next = Mathf.Clamp01(value);
                if (Mathf.Approximately(next, fraction)) return;
                fraction = next;
                if (graphic != null) graphic.SetVerticesDirty();
            }
        }

        public override void ModifyMesh(VertexHelper mesh)
        {
            if (!IsActive() || fraction >= 1f) return;
            int letters = mesh.currentVertCount / VerticesPerLetter;
            int firstHidden = Mathf.FloorToInt(letters * fraction) * VerticesPerLetter;
            var vertex = new UIVertex();
            for (int i = firstHidden; i < mesh.currentVertCount; i++)
            {
                mesh.PopulateUIVertex(ref vertex, i);
                vertex.color.a = 0;
                mesh.SetUIVertex(vertex, i);
            }
        }
    }
}
